from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from guard_support import project_env
from own_processes import alive, children, gone

from harness.core.admission import Budget
from harness.core.errors import ExitCode, HarnessError
from harness.core.watchdog import MemorySample
from harness.guard.host import HostProbe
from harness.guard.supervise import Ended, Launch, StopSignal, Watch, supervise

MIB = 1 << 20
FAMILY = """
import os, pathlib, subprocess, sys, time
folder = pathlib.Path(sys.argv[1])
sleeper = (sys.executable, "-c", "import time; time.sleep(60)")
ordinary = subprocess.Popen(sleeper)
escaped = subprocess.Popen(sleeper, start_new_session=True)
orphan = subprocess.run(("sh", "-c", "setsid sleep 60 >/dev/null 2>&1 & echo $!"), stdout=subprocess.PIPE).stdout
(folder / "pids.part").write_text(f"{os.getpid()} {ordinary.pid} {escaped.pid} {int(orphan)}")
(folder / "pids.part").rename(folder / "pids")
"""
"""Starts a child, one in a session of its own, and a daemon whose parent is dead, and writes down all pids."""


def launch(folder: Path, code: str, timeout_s: float | None = 30.0) -> Launch:
    return Launch((sys.executable, "-c", code, str(folder)), folder / "log.txt", project_env(), None, timeout_s)


def run(folder: Path, code: str, watch: Watch | None = None, timeout_s: float | None = 30.0) -> Ended:
    return supervise(launch(folder, code, timeout_s), watch or Watch(HostProbe(), None))


def wait_for(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


def pids(folder: Path) -> list[int]:
    wait_for((folder / "pids").exists)
    return [int(word) for word in (folder / "pids").read_text().split()]


def assert_all_gone(folder: Path) -> None:
    assert [pid for pid in pids(folder) if alive(pid)] == []
    assert children() == []  # neither a keeper nor a zombie


def later(action: Callable[[], object], when: Callable[[], bool]) -> threading.Thread:
    def wait_and_act() -> None:
        wait_for(when)
        action()

    thread = threading.Thread(target=wait_and_act)
    thread.start()
    return thread


def test_an_ordinary_end_is_reported_with_code_output_and_peak(tmp_path: Path) -> None:
    (tmp_path / "log.txt").write_text("of an earlier attempt\n")
    code = "import sys, time; x = b'x' * (80 << 20); print('out'); print('err', file=sys.stderr); time.sleep(0.4); sys.exit(3)"
    ended = run(tmp_path, code)
    assert (ended.returncode, ended.killed, ended.timed_out, ended.interrupted) == (3, None, False, False)
    assert sorted(ended.log_tail.splitlines()) == ["err", "out"]
    assert 80 * MIB < ended.peak_bytes < 160 * MIB
    assert 0.4 < ended.duration_s < 10
    assert ended.memory_back_after_s is not None


def test_the_child_is_set_apart(tmp_path: Path) -> None:
    code = (
        "import os, resource, sys; print(os.getsid(0) == os.getpid(), sys.stdin.read() == '',"
        "resource.getrlimit(resource.RLIMIT_CORE), os.environ.get('ONLY'), len(os.listdir('/proc/self/fd')))"
    )
    start = Launch((sys.executable, "-c", code), tmp_path / "log", {"ONLY": "this"}, cwd=tmp_path)
    ended = supervise(start, Watch(HostProbe(), None))
    assert ended.log_tail == "True True (0, 0) this 4"  # 0, 1, 2 and the folder being listed: no socket leaks


def test_long_output_is_kept_in_the_log_and_cut_in_the_tail(tmp_path: Path) -> None:
    ended = run(tmp_path, "for i in range(5000): print('line', i)")
    assert ended.log_tail.splitlines()[-1] == "line 4999"
    assert len(ended.log_tail.splitlines()) == 40
    assert len((tmp_path / "log.txt").read_text().splitlines()) == 5000


OVERSHOOT = (
    FAMILY
    + """
held = b"x" * (60 << 20)
time.sleep(0.3)
more = b"x" * (80 << 20)
time.sleep(60)
"""
)


def test_an_overshoot_is_killed_with_everything_it_started(tmp_path: Path) -> None:
    ended = run(tmp_path, OVERSHOOT, Watch(HostProbe(), Budget(150 * MIB, 1 << 40, "test")))
    assert_all_gone(tmp_path)
    assert ended.returncode == -signal.SIGKILL
    assert ended.killed is not None
    assert ended.killed.constraint == ended.killed.observed_bytes / (150 * MIB) - 1 > 0
    assert ended.peak_bytes == ended.killed.observed_bytes
    assert ended.memory_back_after_s is not None


def test_memory_of_a_child_of_the_trial_counts(tmp_path: Path) -> None:
    hog = "import time; x = b'x' * (200 << 20); time.sleep(60)"
    code = f"import subprocess, sys; subprocess.run((sys.executable, '-c', {hog!r}))"
    ended = run(tmp_path, code, Watch(HostProbe(), Budget(150 * MIB, 1 << 40, "test")))
    assert ended.killed is not None


def test_kill_9_of_the_trial_takes_its_children_along(tmp_path: Path) -> None:
    killer = later(lambda: os.kill(pids(tmp_path)[0], signal.SIGKILL), (tmp_path / "pids").exists)
    ended = run(tmp_path, FAMILY + "time.sleep(60)")
    killer.join()
    assert (ended.returncode, ended.killed, ended.timed_out) == (-signal.SIGKILL, None, False)
    assert_all_gone(tmp_path)


def test_kill_9_of_the_keeper_leaves_nothing(tmp_path: Path) -> None:
    def kill_keeper() -> None:
        os.kill(psutil.Process(pids(tmp_path)[0]).ppid(), signal.SIGKILL)

    killer = later(kill_keeper, (tmp_path / "pids").exists)
    ended = run(tmp_path, FAMILY + "time.sleep(60)")
    killer.join()
    assert ended.returncode == -signal.SIGKILL
    assert gone(pids(tmp_path), 10)


def test_a_trial_that_ends_leaves_no_daemon(tmp_path: Path) -> None:
    assert run(tmp_path, FAMILY).returncode == 0
    assert_all_gone(tmp_path)


PARENT = """
import sys
from pathlib import Path
from test_supervise import FAMILY, run
run(Path(sys.argv[1]), FAMILY + "time.sleep(60)")
"""


def test_kill_9_of_the_parent_leaves_no_process(tmp_path: Path) -> None:
    with subprocess.Popen((sys.executable, "-c", PARENT, str(tmp_path)), env=project_env()) as parent:
        family = pids(tmp_path)
        keeper = psutil.Process(family[0]).ppid()
        assert all(alive(pid) for pid in family)
        parent.kill()
    assert gone((keeper, *family), 10)


def test_the_time_limit_kills(tmp_path: Path) -> None:
    ended = run(tmp_path, FAMILY + "time.sleep(60)", timeout_s=0.8)
    assert (ended.returncode, ended.timed_out, ended.interrupted, ended.killed) == (-signal.SIGKILL, True, False, None)
    assert 0.8 <= ended.duration_s < 5
    assert_all_gone(tmp_path)


POLITE = """
import pathlib, signal, sys, time
folder = pathlib.Path(sys.argv[1])
def leave(*_):
    print("saved")
    sys.exit(7)
signal.signal(signal.SIGTERM, leave)
(folder / "ready").touch()
time.sleep(60)
"""
STUBBORN = POLITE.replace('    print("saved")\n    sys.exit(7)', '    (folder / "asked").touch()\n    time.sleep(60)')


def stopping(grace_s: float = 15.0) -> tuple[Watch, StopSignal]:
    stop = StopSignal()
    return Watch(HostProbe(), None, stop=stop, grace_s=grace_s), stop


def test_a_request_lets_the_trial_save_and_leave(tmp_path: Path) -> None:
    watch, stop = stopping()
    asker = later(stop.request, (tmp_path / "ready").exists)
    ended = run(tmp_path, POLITE, watch)
    asker.join()
    assert (ended.returncode, ended.interrupted, ended.timed_out, ended.log_tail) == (7, True, False, "saved")


def test_a_second_request_kills_at_once(tmp_path: Path) -> None:
    watch, stop = stopping()
    first = later(stop.request, (tmp_path / "ready").exists)
    second = later(stop.request, (tmp_path / "asked").exists)
    ended = run(tmp_path, STUBBORN, watch)
    first.join()
    second.join()
    assert (ended.returncode, ended.interrupted) == (-signal.SIGKILL, True)
    assert ended.duration_s < 5


def test_grace_ends(tmp_path: Path) -> None:
    watch, stop = stopping(grace_s=0.3)
    asker = later(stop.request, (tmp_path / "ready").exists)
    ended = run(tmp_path, STUBBORN, watch)
    asker.join()
    assert (tmp_path / "asked").exists()
    assert (ended.returncode, ended.interrupted) == (-signal.SIGKILL, True)


def test_every_poll_is_told_and_an_error_in_it_kills_the_child(tmp_path: Path) -> None:
    seen: list[MemorySample] = []

    def tell(sample: MemorySample) -> None:
        seen.append(sample)
        if (tmp_path / "pids").exists():
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(tmp_path, FAMILY + "time.sleep(60)", Watch(HostProbe(), None, poll_hz=50, on_poll=tell))
    assert max(sample.used_bytes for sample in seen) > 0
    assert_all_gone(tmp_path)


def test_a_program_that_cannot_be_executed_says_so(tmp_path: Path) -> None:
    ended = supervise(Launch(("/no/such/program",), tmp_path / "log", {}), Watch(HostProbe(), None))
    assert ended.returncode == 127
    assert "cannot start /no/such/program" in ended.log_tail


def test_a_log_that_cannot_be_written_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(HarnessError) as caught:
        supervise(Launch(("true",), tmp_path / "absent" / "log", {}), Watch(HostProbe(), None))
    assert caught.value.code is ExitCode.STORAGE


def test_a_missing_working_folder_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(HarnessError) as caught:
        supervise(Launch(("true",), tmp_path / "log", {}, cwd=tmp_path / "absent"), Watch(HostProbe(), None))
    assert caught.value.code is ExitCode.BAD_INPUT
    assert children() == []


def test_the_curve_is_kept_and_the_wait_for_memory_is_limited(tmp_path: Path) -> None:
    code = "import time; x = b'x' * (80 << 20); time.sleep(0.3)"
    ended = run(tmp_path, code, Watch(HostProbe(), None, poll_hz=50, memory_back_s=0.0))
    assert ended.memory_back_after_s is None
    assert max(point.used_bytes for point in ended.curve) == ended.peak_bytes
    assert [point.seconds for point in ended.curve] == sorted({point.seconds for point in ended.curve})
    assert all(0 <= point.seconds <= ended.duration_s for point in ended.curve)
    assert (ended.killed_at_s, ended.blind, ended.notes) == (None, None, ())
