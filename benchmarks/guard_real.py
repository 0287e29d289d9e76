"""The watchdog on real processes, for benchmarks/guard.py: ``python guard_real.py COUNT SEED`` prints one JSON line.

Needs the scripted NVML on LD_LIBRARY_PATH and tests/guard and the project on PYTHONPATH; benchmarks/guard.py sees to both.

Every child runs under the real `supervise` at 50 Hz. On the host it fills its own memory and notes the moment at which it and
its keeper cross the budget together; on the scripted GPU it starts the clock of a seeded curve and owns its memory. The
decision is timed where the deciding look returns.
"""

from __future__ import annotations

import json
import os
import random
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from guard_curves import GIB, Curve, harmless
from guard_played import watchable
from guard_support import ScriptedNvml, device

from harness.core.admission import Budget
from harness.core.watchdog import MemorySample
from harness.guard.host import HostProbe
from harness.guard.nvml import NvmlProbe
from harness.guard.probe import MemoryProbe
from harness.guard.supervise import Ended, Launch, Watch, supervise

HZ = 50.0
MIB = 1 << 20
HOST_BUDGET = Budget(160 * MIB, 1 << 40, "benchmark")
COST_SECONDS = 10.0
FAMILY = "import subprocess, sys; kids = [subprocess.Popen(('sleep', '60')) for _ in range(2)]\n"
OVERSHOOT = (
    FAMILY
    + """
import os, random, time
files = [os.open(f"/proc/{pid}/statm", os.O_RDONLY) for pid in (os.getpid(), os.getppid(), *(kid.pid for kid in kids))]
stamp = os.open(sys.argv[1], os.O_WRONLY)
page, budget, step = os.sysconf("SC_PAGE_SIZE"), int(sys.argv[2]), 1 << 18
def taken():
    return sum(int(os.pread(file, 64, 0).split()[1]) for file in files) * page
held = [b"x" * (budget - taken() - (24 << 20))]
time.sleep(0.3 + 0.04 * random.random())
while taken() <= budget:
    held.append(b"x" * step)
os.write(stamp, repr(time.monotonic()).encode())
held.append(b"x" * (8 << 20))
time.sleep(30)
"""
)
PLAYER = (
    FAMILY
    + """
import os, pathlib, time
clock, seconds = pathlib.Path(sys.argv[1]), float(sys.argv[2])
time.sleep(0.1)
part = clock.with_name("clock.part")
part.write_text(f"{time.monotonic_ns()} {os.getpid()}")
part.rename(clock)
time.sleep(seconds)
for kid in kids:
    kid.kill()
"""
)
RESTING = """
import threading, time
for _ in range(8):
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
time.sleep(60)
"""
"""As a trial is: one process with threads below its keeper, since nothing in the training forks workers."""


class Timed:
    """A probe that notes when its last sample returned, and the gaps between samples."""

    def __init__(self, probe: MemoryProbe) -> None:
        self._probe = probe
        self.returned = 0.0
        self.gaps: list[float] = []

    def __getattr__(self, name: str) -> object:
        return getattr(self._probe, name)

    def sample(self) -> MemorySample:
        """As the probe's."""
        sample = self._probe.sample()
        now = time.monotonic()
        self.gaps.append(1000 * (now - self.returned))
        self.returned = now
        return sample


@dataclass(frozen=True, slots=True)
class Figures:
    """What all runs together showed; milliseconds."""

    detection: list[float]
    gone: list[float]
    gaps: list[float]
    cpu_pct: float
    missed: int = 0
    false_kills: int = 0

    def add(self, ended: Ended, timed: Timed, crossed_s: float) -> None:
        """One kill: from the crossing to the decision, and from there to the last process gone."""
        if ended.killed_at_s is None:
            raise RuntimeError(ended)
        self.detection.append(1000 * (timed.returned - crossed_s))
        self.gone.append(1000 * (ended.duration_s - ended.killed_at_s))
        self.gaps.extend(timed.gaps[1:])


def run(folder: Path, probe: MemoryProbe, budget: Budget, *code: str) -> tuple[Ended, Timed]:
    """One child under watch."""
    timed = Timed(probe)
    launch = Launch((sys.executable, "-I", "-S", "-c", *code), folder / "log", dict(os.environ), None, 60.0)
    ended = supervise(launch, Watch(timed, budget, HZ, memory_back_s=0.0))  # type: ignore[arg-type]
    probe.close()
    return ended, timed


def host(folder: Path, count: int) -> Figures:
    """Overshoots of real memory."""
    figures = Figures([], [], [], cpu_pct(folder, HostProbe()))
    stamp = folder / "stamp"
    while len(figures.detection) < count:
        stamp.write_text("")
        ended, timed = run(folder, HostProbe(), HOST_BUDGET, OVERSHOOT, str(stamp), str(HOST_BUDGET.bytes))
        if stamp.read_text():  # else it was killed between its crossing and its note of that
            figures.add(ended, timed, float(stamp.read_text()))
    return figures


def gpu(folder: Path, nvml: ScriptedNvml, curves: list[Curve], calm: list[Curve]) -> Figures:
    """Harmful and harmless curves on the scripted GPU."""
    nvml.write(device())
    figures = Figures([], [], [], cpu_pct(folder, NvmlProbe()))
    missed = sum(_missed(figures, *_played(folder, nvml, curve), curve) for curve in curves)
    false_kills = sum(_played(folder, nvml, curve)[0].killed is not None for curve in calm)
    return Figures(figures.detection, figures.gone, figures.gaps, figures.cpu_pct, missed, false_kills)


def _played(folder: Path, nvml: ScriptedNvml, curve: Curve) -> tuple[Ended, Timed]:
    nvml.clock.unlink(missing_ok=True)
    points = (f"at {1000 * seconds:.4f} {int(size)}" for seconds, size in curve.own)
    spec = device(total=curve.total_bytes, reserved=curve.total_bytes - curve.free_bytes)
    nvml.write(f"clock {nvml.clock}", spec, "linear", *points)
    budget = Budget(curve.budget_bytes, curve.total_bytes, "benchmark")
    return run(folder, NvmlProbe(), budget, PLAYER, str(nvml.clock), str(curve.end_s + 0.3))


def _missed(figures: Figures, ended: Ended, timed: Timed, curve: Curve) -> bool:
    zero = float((Path(os.environ["NVML_SCRIPT"]).parent / "clock").read_text().split()[0]) / 1e9
    crossing, full = curve.crossing_s(), curve.full_s()
    if ended.killed is None or crossing is None or full is None:
        return True
    figures.add(ended, timed, zero + crossing)
    return timed.returned >= zero + full


def cpu_pct(folder: Path, probe: MemoryProbe, code: str = RESTING) -> float:
    """Share of one core that this process takes from the first look to the last of a long run at 50 Hz, in percent."""
    spent: list[tuple[float, float]] = []

    def note(_: MemorySample) -> None:
        now = time.monotonic()
        if not spent or now - spent[0][1] > COST_SECONDS - 0.5:
            spent.append((time.process_time(), now))

    launch = Launch((sys.executable, "-I", "-S", "-c", code), folder / "log", dict(os.environ), None, COST_SECONDS)
    supervise(launch, Watch(probe, Budget(GIB, 8 * GIB, "benchmark"), HZ, note))
    (cpu, began), (cpu_then, then) = spent[0], spent[-1]
    return 100 * (cpu_then - cpu) / (then - began)


def floor_pct() -> float:
    """The same share for a loop that only sleeps."""
    cpu, began = time.process_time(), time.monotonic()
    while time.monotonic() - began < COST_SECONDS / 2:
        time.sleep(1 / HZ)
    return 100 * (time.process_time() - cpu) / (time.monotonic() - began)


def main() -> None:
    """Run everything."""
    count, draw = int(sys.argv[1]), random.Random(int(sys.argv[2]))
    nvml_folder = Path(os.environ["NVML_SCRIPT"]).parent
    nvml = ScriptedNvml(Path(os.environ["LD_LIBRARY_PATH"]), nvml_folder)
    calm = [replace_own(curve) for curve in (harmless(draw) for _ in range(count // 2))]
    with tempfile.TemporaryDirectory() as name:
        others = {"sleeping": floor_pct(), "family": cpu_pct(Path(name), HostProbe(), FAMILY + RESTING)}
        figures = {"host": host(Path(name), count), "gpu": gpu(Path(name), nvml, watchable(draw, count)[0], calm)}
    print(json.dumps({**{name: asdict(found) for name, found in figures.items()}, "cpu_pct": others}))


def replace_own(curve: Curve) -> Curve:
    """The same without a neighbour, as the device of a child alone."""
    return replace(curve, others=((0.0, 0.0),), on_gpu=True)


if __name__ == "__main__":
    main()
