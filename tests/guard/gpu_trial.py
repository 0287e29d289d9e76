"""Supervises a child that takes memory of the mock GPU: ``python gpu_trial.py overshoot|lose|neighbour FOLDER``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import psutil

from harness.core.admission import Budget
from harness.guard.nvml import NvmlProbe
from harness.guard.probe import DeviceLostError
from harness.guard.supervise import Launch, Watch, supervise

GIB = 1 << 30
CHILD = """
import os, pathlib, sys, time
folder, size = pathlib.Path(sys.argv[1]), int(sys.argv[2])
def take(bytes_, pid):
    with (folder / "taken").open("a") as file:
        file.write(f"{pid} {bytes_}\\n")
(folder / "pid").write_text(str(os.getpid()))
take(1 << 30, os.getpid())
time.sleep(0.4)
if sys.argv[3] == "lose":
    (folder / "error").write_text("15")
else:
    take(size, os.getpid())
time.sleep(30)
"""


def main() -> None:
    """Run one scene and print what came of it."""
    scene, folder = sys.argv[1], Path(sys.argv[2])
    budget, size = (Budget(2 * GIB, 8 * GIB, "test"), 2 * GIB)
    if scene == "neighbour":  # the budget alone would allow it, the device has no more
        budget, size = (Budget(8 * GIB, 8 * GIB, "test"), int(6.65 * GIB))
    launch = Launch((sys.executable, "-c", CHILD, str(folder), str(size), scene), folder / "log", dict(os.environ))
    try:
        ended = supervise(launch, Watch(NvmlProbe(), budget))
    except DeviceLostError:
        print("lost", psutil.pid_exists(int((folder / "pid").read_text())))
        return
    assert ended.killed is not None
    if scene == "neighbour":
        assert "another process took the rest" in ended.killed.reason
        print("neighbour", ended.killed.constraint)
        return
    print("killed", ended.killed.constraint, ended.memory_back_after_s is not None)


if __name__ == "__main__":
    main()
