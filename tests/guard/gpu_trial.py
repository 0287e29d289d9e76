"""Supervises a child that plays a scene on the scripted GPU, and prints what came of it as JSON.

``python gpu_trial.py BUDGET_BYTES STEP...`` with the steps of the child: ``take:BYTES``, ``sleep:SECONDS``,
``say:SCRIPT LINE``, ``pace:TOKENS_A_SECOND``, ``clock:`` (time zero is now, and the child owns the time series), and
``neighbour:BYTES`` (another process, no relation of the child, takes that much).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import psutil

from harness.core.admission import Budget
from harness.guard.nvml import NvmlProbe
from harness.guard.probe import DeviceLostError
from harness.guard.supervise import Ended, Launch, Watch, supervise

GIB = 1 << 30
CHILD = """
import os, pathlib, sys, time
folder = pathlib.Path(sys.argv[1])
def append(name, text):
    with (folder / name).open("a") as file:
        file.write(text + chr(10))
def put(name, text):
    (folder / "part").write_text(text)
    (folder / "part").rename(folder / name)
put("pid", str(os.getpid()))
for step in sys.argv[2:]:
    name, _, word = step.partition(":")
    if name == "take":
        append("takers", f"{os.getpid()} {word}")
    elif name == "sleep":
        time.sleep(float(word))
    elif name == "say":
        append("script", word)
    elif name == "pace":
        put("pace", word)
    elif name == "clock":
        put("clock", f"{time.monotonic_ns()} {os.getpid()}")
    elif name == "neighbour":
        put("wanted", word)
        while not (folder / "taken").exists():
            time.sleep(0.005)
"""
NEIGHBOUR = """
import os, pathlib, sys, time
folder = pathlib.Path(sys.argv[1])
while not (folder / "wanted").exists():
    time.sleep(0.005)
with (folder / "takers").open("a") as file:
    file.write(f"{os.getpid()} {(folder / 'wanted').read_text()}" + chr(10))
(folder / "taken").touch()
time.sleep(60)
"""


def main() -> None:
    """Play the scene."""
    folder = Path(os.environ["NVML_SCRIPT"]).parent
    budget = Budget(int(sys.argv[1]), 8 * GIB, "test")
    launch = Launch((sys.executable, "-c", CHILD, str(folder), *sys.argv[2:]), folder / "log", dict(os.environ), None, 30.0)

    def pace() -> float | None:
        return float((folder / "pace").read_text()) if (folder / "pace").exists() else None

    with subprocess.Popen((sys.executable, "-c", NEIGHBOUR, str(folder))) as neighbour:
        try:
            print(json.dumps(told(supervise(launch, Watch(NvmlProbe(), budget, 50.0, pace=pace, memory_back_s=0.5)))))
        except DeviceLostError:
            print(json.dumps({"lost": True, "alive": psutil.pid_exists(int((folder / "pid").read_text()))}))
        finally:
            neighbour.kill()


def told(ended: Ended) -> dict[str, object]:
    """What the tests ask about."""
    killed = ended.killed
    return {
        "returncode": ended.returncode,
        "kill": None if killed is None else [killed.rule.value, killed.blame.value, killed.reason],
        "constraint": None if killed is None else killed.constraint,
        "killed_at_s": ended.killed_at_s,
        "peak": ended.peak_bytes,
        "back": ended.memory_back_after_s is not None,
        "blind": ended.blind,
        "notes": ended.notes,
        "curve": [(point.seconds, point.used_bytes, point.free_bytes) for point in ended.curve],
    }


if __name__ == "__main__":
    main()
