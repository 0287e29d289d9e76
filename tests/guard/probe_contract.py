"""The contract of every `MemoryProbe`, run on a real one: ``python probe_contract.py cpu|cuda`` prints JSON.

The same for the host, for the scripted NVML, and (``cuda`` without NVML_TAKERS in the environment) for a real GPU, whose
memory torch takes.

A script because NVML's library is chosen by LD_LIBRARY_PATH, which counts only when a process starts.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from harness.guard.probe import MemoryProbe
from harness.guard.select import open_probe

MIB = 1 << 20
TAKEN = 96 * MIB
CONTEXT = 2048 * MIB if "NVML_TAKERS" not in os.environ and sys.argv[1:] == ["cuda"] else 0
"""What a real GPU's context may add to what was asked for."""
SLACK = 32 * MIB + CONTEXT
TAKER = """
import os, pathlib, sys, time
kind, size = sys.argv[1], int(sys.argv[2])
if kind == "host":
    held = b"x" * size
elif "NVML_TAKERS" in os.environ:
    with pathlib.Path(os.environ["NVML_TAKERS"]).open("a") as file:
        file.write(f"{os.getpid()} {size}\\n")
else:
    import torch
    held = torch.empty(size, dtype=torch.uint8, device="cuda")
print("taken", flush=True)
time.sleep(60)
"""


@contextmanager
def taker(kind: str, probe: MemoryProbe | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """A real process that takes `TAKEN` bytes of the device, watched from its start."""
    argv = (sys.executable, "-c", "input(); " + f"exec({TAKER!r})", kind, str(TAKEN))
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        if probe is not None:
            probe.watch(process.pid)
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"\n")
        process.stdin.flush()
        process.stdout.readline()
        try:
            yield process
        finally:
            process.kill()


def settles(probe: MemoryProbe, low: int, high: int) -> bool:
    """Whether `used_bytes` comes into the range within 3 s."""
    end = time.monotonic() + 3
    while time.monotonic() < end:
        if low <= probe.sample().used_bytes <= high:
            return True
        time.sleep(0.02)
    return False


def names_itself(probe: MemoryProbe) -> None:
    assert probe.kind in ("host", "cuda")
    assert probe.device_name.strip() == probe.device_name != ""


def free_is_within_total(probe: MemoryProbe) -> None:
    sample = probe.sample()
    assert 0 < sample.free_bytes <= sample.total_bytes
    assert 0 < probe.available() <= sample.total_bytes


def unwatched_uses_nothing(probe: MemoryProbe) -> None:
    assert probe.sample().used_bytes == 0


def sees_what_the_watched_takes(probe: MemoryProbe) -> None:
    with taker(probe.kind, probe):
        assert settles(probe, TAKEN, TAKEN + SLACK)


def memory_comes_back(probe: MemoryProbe) -> None:
    with taker(probe.kind, probe):
        assert settles(probe, TAKEN, TAKEN + SLACK)
    assert settles(probe, 0, 8 * MIB)


def turns_to_the_next(probe: MemoryProbe) -> None:
    with taker(probe.kind, probe):
        assert settles(probe, TAKEN, TAKEN + SLACK)
        with subprocess.Popen((sys.executable, "-c", "input()"), stdin=subprocess.PIPE) as idle:
            probe.watch(idle.pid)
            assert settles(probe, 0, 32 * MIB)
            idle.kill()


def own_share_is_told_or_unknown(probe: MemoryProbe) -> None:
    with taker(probe.kind, probe):
        assert settles(probe, TAKEN, TAKEN + SLACK)
        own = probe.own_bytes()
        assert own is None or TAKEN <= own <= TAKEN + SLACK
        assert own is not None or probe.kind == "host" or len(probe.notes) == 1


def rebasing_makes_it_the_share(probe: MemoryProbe) -> None:
    with taker(probe.kind, probe):
        assert settles(probe, TAKEN, TAKEN + SLACK)
        probe.rebase(TAKEN // 2)
        wanted = TAKEN if probe.kind == "host" else TAKEN // 2  # a tree has no baseline
        assert settles(probe, wanted - 8 * MIB, wanted + 32 * MIB)


def a_dead_process_uses_nothing(probe: MemoryProbe) -> None:
    with subprocess.Popen((sys.executable, "-c", "")) as process:
        pass
    probe.watch(process.pid)
    assert probe.sample().used_bytes == 0


def closes_twice(probe: MemoryProbe) -> None:
    probe.close()
    probe.close()


CHECKS = (
    names_itself,
    free_is_within_total,
    unwatched_uses_nothing,
    sees_what_the_watched_takes,
    memory_comes_back,
    turns_to_the_next,
    own_share_is_told_or_unknown,
    rebasing_makes_it_the_share,
    a_dead_process_uses_nothing,
    closes_twice,
)


def main() -> None:
    """Run every check on a fresh probe; an empty text is a pass."""
    verdicts = {}
    for check in CHECKS:
        probe = open_probe(sys.argv[1])
        try:
            check(probe)
            verdicts[check.__name__] = ""
        except Exception:  # noqa: BLE001 - reported by the test that reads this
            verdicts[check.__name__] = traceback.format_exc()
        finally:
            probe.close()
    print(json.dumps(verdicts))


if __name__ == "__main__":
    main()
