"""Proof that nothing is lost: sweeps killed with SIGKILL at random moments, started again by the same command, and checked.

Usage: python benchmarks/crash.py [--simulated 100] [--real 10] [--seed 0] [--folder DIR] [--json]

Simulated sweeps run the whole control loop (study, leases, MLflow, recovery) on learning curves; every fourth one with two
workers, the others with one, whose decisions and front are compared with those of a sweep that nobody disturbed. Each is
killed up to ten times, recovery included, then left alone. Real ones train, write and score with a tiny random model;
the parent, a worker, or both are killed in training, in generation, while suites are scored, or while a trial waits. What is
counted is explained in docs/benchmarks-crash.md.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import crash_check as check
from benchmarks.crash_real import real_sweep
from benchmarks.crash_stage import OBJECTIVES, STUDY, Stage, ended, import_all

KILLS_A_SWEEP = 10
TRIALS = 6
_LATEST_S = 2.0  # a kill comes so long after its sweep began to work, at most; half of them while it still starts


@dataclass
class Found:
    """What went wrong, in words, and what was done.

    Attributes:
        kills: SIGKILLs that found their process alive.
        lost: See `crash_check.lost`; a sweep that cannot be finished counts too.
        duplicated: See `crash_check.duplicated`.
        orphans: See `crash_check.orphans`, and processes that outlived their sweep.
        disagreements: See `crash_check.disagreements`, and what `harness fsck` finds.
        fronts: Whether each front was that of the undisturbed sweep.
        alike: Whether each decision was.
    """

    kills: int = 0
    lost: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)
    disagreements: list[str] = field(default_factory=list)
    fronts: list[bool] = field(default_factory=list)
    alike: list[bool] = field(default_factory=list)

    def look(self, stage: Stage, seen: check.Points) -> None:
        """Check a finished sweep."""
        self.lost += check.lost(stage.stores, STUDY, stage.n_trials, seen)
        self.duplicated += check.duplicated(stage.stores, STUDY, stage.n_trials, seen)
        self.orphans += check.orphans(stage.stores, STUDY, stage.temporary)
        self.disagreements += check.disagreements(stage.stores, STUDY, OBJECTIVES) + stage.fsck()


def main() -> None:
    """Kill and check."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simulated", type=int, default=100, help="kills of simulated sweeps")
    parser.add_argument("--real", type=int, default=10, help="kills of real sweeps")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=None, help="where to work; something quick, such as /dev/shm")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    began, folder = time.monotonic(), Path(tempfile.mkdtemp(prefix="harness-crash-", dir=asked.folder))
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        simulated = simulate(folder, asked.simulated, asked.seed)
        real = Found()
        while real.kills < asked.real and not real.lost:
            real_sweep(folder / "real", real, asked.real)
            say(f"real sweep: {real.kills} kills, {trouble(real)}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    report(simulated, real, time.monotonic() - began, as_json=asked.json)


def simulate(folder: Path, kills: int, seed: int) -> Found:
    """Kill simulated sweeps until that was done often enough, and check each at its end."""
    import_all()
    found, draw = Found(), random.Random(seed)
    quiet = Stage(folder / "quiet", TRIALS)
    quiet.prepare()
    if kills and ended(quiet.sweep()) != 0:
        raise SystemExit("the sweep cannot be carried out at all")
    sweep = 0
    while found.kills < kills:
        stage = Stage(folder / "killed", TRIALS, workers=2 if sweep % 4 == 3 else 1, pace_ms=50)
        torment(stage, min(KILLS_A_SWEEP, kills - found.kills), draw, found)
        if stage.workers == 1:
            found.fronts.append(check.front(stage.stores, STUDY) == check.front(quiet.stores, STUDY))
            found.alike.append(check.decisions(stage.stores, STUDY) == check.decisions(quiet.stores, STUDY))
        sweep += 1
        say(f"simulated sweep {sweep}: {found.kills} kills, {trouble(found)}")
    return found


def torment(stage: Stage, kills: int, draw: random.Random, found: Found) -> None:
    """Kill one sweep again and again, then let it finish."""
    stage.prepare()
    seen: check.Points = {}
    for _ in range(kills):
        code = killed(stage.sweep(), draw)
        seen |= check.points(stage.stores, STUDY)
        if code != -signal.SIGKILL:
            if code:
                found.lost.append(f"{stage.root}: ended with {code}")
            break
        found.kills += 1
    pid = stage.sweep()
    code = ended(pid)
    if code:
        found.lost.append(f"cannot be finished, exit code {code}: {stage.out(pid)[-1:]}")
        return
    found.look(stage, seen)


def killed(pid: int, draw: random.Random) -> int:
    """Kill a process at a random moment, counted in its own processor time, since the machine may be busy; its exit code."""
    at = draw.uniform(0.0, _LATEST_S if draw.random() < 0.5 else _LATEST_S / 2)
    while True:
        gone, status = os.waitpid(pid, os.WNOHANG)
        if gone:
            return os.waitstatus_to_exitcode(status)
        if _cpu_s(pid) >= at:
            os.kill(pid, signal.SIGKILL)
            return ended(pid)
        time.sleep(0.002)


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def trouble(found: Found) -> str:
    """What is wrong so far."""
    wrong = [*found.lost, *found.duplicated, *found.orphans, *found.disagreements]
    wrong += ["a front differs"] if not all(found.fronts) else []
    wrong += ["a decision differs"] if not all(found.alike) else []
    return "; ".join(wrong) or "nothing wrong"


def report(simulated: Found, real: Found, seconds: float, *, as_json: bool) -> None:
    """Print the figures."""
    both = (simulated, real)
    figures: dict[str, Any] = {
        "kills_simulated": simulated.kills,
        "kills_real": real.kills,
        "lost": sum(len(found.lost) for found in both),
        "duplicated": sum(len(found.duplicated) for found in both),
        "orphans": sum(len(found.orphans) for found in both),
        "store_disagreements": sum(len(found.disagreements) for found in both),
        "front_equal": all(simulated.fronts) and all(real.fronts),
        "decisions_equal": all(simulated.alike),
        "seconds": round(seconds, 1),
    }
    if as_json:
        sys.stdout.write(json.dumps(figures) + "\n")
        return
    for name, value in figures.items():
        say(f"{name}: {value}", sys.stdout)
    say(trouble(simulated), sys.stdout)
    say(trouble(real), sys.stdout)


def say(line: str, screen: Any = sys.stderr) -> None:
    """One line."""
    screen.write(line + "\n")
    screen.flush()


if __name__ == "__main__":
    main()
