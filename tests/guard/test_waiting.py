from __future__ import annotations

from pathlib import Path

from guard_support import GIB, ScriptedNvml, device, error

from harness.guard.host import HostProbe
from harness.guard.waiting import wait_until_free
from harness.guard.watcher import StopSignal

WAIT = """
import json, sys
from harness.guard.nvml import NvmlProbe
from harness.guard.waiting import wait_until_free
seen = []
done = wait_until_free(NvmlProbe(), int(sys.argv[1]), float(sys.argv[2]), None, seen.append)
print(done, len(seen), max(seen, default=-1))
"""


def test_room_that_is_there_is_taken_at_once() -> None:
    assert wait_until_free(HostProbe(), 1, 0.0)


def test_the_time_limit_ends_the_wait() -> None:
    seen: list[int] = []
    assert not wait_until_free(HostProbe(), 1 << 60, 0.6, None, seen.append)
    assert len(seen) == 3  # at 0, 0.5 and 0.6 s
    assert min(seen) > 0


def test_a_request_to_stop_ends_the_wait() -> None:
    stop = StopSignal()
    stop.request()
    assert not wait_until_free(HostProbe(), 1 << 60, 600.0, stop)


def test_a_card_that_others_leave_is_waited_for(nvml: ScriptedNvml) -> None:
    nvml.write(device(reserved=0), f"other 0 {6 * GIB}", f"other 700 {GIB}")
    done, looks, most = nvml.run("-c", WAIT, str(4 * GIB), "20").split()
    assert (done, int(most)) == ("True", 2 * GIB)
    assert int(looks) >= 1


def test_a_card_that_cannot_be_read_for_a_moment_counts_as_full(nvml: ScriptedNvml, tmp_path: Path) -> None:
    nvml.write(device(), error("memory", 999, 300, 900))
    script = WAIT.replace("seen = []", "import time; probe = NvmlProbe(); time.sleep(0.4); seen = []")
    done, looks, most = nvml.run("-c", script.replace("NvmlProbe(), int", "probe, int"), "1", "20").split()
    assert (done, most) == ("True", "0")
    assert int(looks) >= 1
