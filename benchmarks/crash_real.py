"""Real sweeps on a tiny random model, killed where they hurt: in training, in writing, in scoring, while a trial waits."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import psutil

_ROOT = Path(__file__).resolve().parents[1]
_MAKE_MODEL = _ROOT / "tests" / "make_tiny_model.py"
sys.path[:0] = [str(_ROOT), str(_ROOT / "tests"), str(_ROOT / "tests" / "sweep")]

from own_processes import words  # noqa: E402
from sweep_place import Place, Running  # noqa: E402

from benchmarks import crash_check as check  # noqa: E402

STUDY = "crash"
TRIALS = 3
OBJECTIVES = ("pass_rate", "branch_coverage", "mutation_score")
_RUNGS = {"rungs": [{"training": 0.25, "validation": 0.5}, {"training": 0.5, "validation": 1.0}], "reduction_factor": 2}
_TRAINING = {"r": 4, "max_steps": 8, "max_length": 512, "max_completion_tokens": 300}
_MARK = "HARNESS_CRASH_MARK"

Event = dict[str, Any]
Wanted = Callable[[Event], bool]


class Counted(Protocol):
    """What a benchmark gathers; see `crash.Found`."""

    kills: int
    lost: list[str]
    duplicated: list[str]
    orphans: list[str]
    disagreements: list[str]
    fronts: list[bool]


def _in(phase: str) -> Wanted:
    """A trial in this phase; the untuned base, which is measured before, has no second attempt."""
    return lambda event: event["event"] == "trial_progress" and event["phase"] == phase and event["label"].startswith("trial")


def _waits(event: Event) -> bool:
    return bool(event["event"] == "trial_paused")


PLAN: tuple[tuple[Wanted, str], ...] = (
    (_in("train"), "parent"),
    (_waits, "parent"),
    (_in("train"), "worker"),
    (_in("generate"), "both"),
    (_in("score"), "parent"),
    (_in("generate"), "worker"),
    (_waits, "both"),
    (_in("train"), "both"),
    (_in("generate"), "parent"),
    (_in("score"), "both"),
)
"""When, and who. Five kills a sweep; a parent takes its processes with it, or should."""
_A_SWEEP = 5


def real_sweep(folder: Path, found: Counted, kills: int) -> None:
    """Kill one sweep at most five times, let it finish, and check it.

    Args:
        folder: Where to work; the undisturbed sweep that fronts are compared with is kept there.
        found: What is gathered.
        kills: How many are wanted in all.
    """
    quiet = _place(folder / "quiet")
    if not (quiet.folder / "mlruns").exists():
        done = quiet.harness("sweep", "crash.yaml", timeout=550)
        if done.returncode not in (0, 7):
            raise SystemExit(f"the real sweep cannot be carried out at all: {done.stderr}")
    place = _place(folder / f"killed-{found.kills}")
    stores, seen = place.folder / "mlruns", dict[tuple[int, int], tuple[float, ...]]()
    heard: list[Event] = []
    running = place.start("sweep", "crash.yaml")
    for wanted, who in PLAN[found.kills % len(PLAN) :][: min(_A_SWEEP, kills - found.kills)]:
        try:
            running.until(partial(_hear, heard, wanted))
        except AssertionError:
            break  # through before this moment came, or ended by an error: its exit code says which
        if not _kill(running, who):
            continue
        found.kills += 1
        seen |= check.points(stores, STUDY)
        if who != "worker":
            if not running.gone():
                found.orphans.append(f"a process outlived its sweep, killed: {who}")
            running = place.start("sweep", "crash.yaml")
    code = running.process.returncode
    if code is None:
        code, _ = running.finish()
    if code not in (0, 7):
        found.lost.append(f"cannot be finished, exit code {code}: {heard[-1:]}")
        return
    _look(place, found, seen)
    found.fronts.append(check.front(stores, STUDY) == check.front(quiet.folder / "mlruns", STUDY))


def _hear(heard: list[Event], wanted: Wanted, event: Event) -> bool:
    heard.append(event)
    return wanted(event)


def _look(place: Place, found: Counted, seen: check.Points) -> None:
    stores = place.folder / "mlruns"
    found.lost += check.lost(stores, STUDY, TRIALS, seen)
    found.duplicated += check.duplicated(stores, STUDY, TRIALS, seen)
    left = check.orphans(stores, STUDY, Path(place.environ["TMPDIR"]))
    found.orphans += [what for what in left if "torchinductor" not in what]  # a cache of PyTorch's, made to stay
    found.orphans += [f"process {process.pid}" for process in psutil.process_iter() if _marked(process, place)]
    found.disagreements += check.disagreements(stores, STUDY, OBJECTIVES)
    report = place.harness("fsck", STUDY)
    if report.returncode:
        found.disagreements.append(report.stdout)


def _place(folder: Path) -> Place:
    """A folder with a sweep file, made once; cache and model are shared."""
    known = folder.exists()
    (folder / "tmp").mkdir(parents=True, exist_ok=True)
    place = Place(folder, folder.parent / "cache")
    place.environ |= {"TMPDIR": str(folder / "tmp"), _MARK: str(folder)}
    model = folder.parent / "model"
    if not model.exists():
        subprocess.run([sys.executable, "-P", str(_MAKE_MODEL), str(model)], check=True, capture_output=True, timeout=500)
    if not known:
        sections: dict[str, Any] = {"training": _TRAINING, "halving": _RUNGS, "tracking": {"promote": False}}
        place.write("crash", model, **sections, study={"name": STUDY, "n_trials": TRIALS, "retries": 5})
    return place


def _kill(running: Running, who: str) -> bool:
    """SIGKILL the sweep, the process that works for it, or both; whether there was one."""
    workers = [p.pid for p in psutil.Process(running.process.pid).children(recursive=True) if "harness.trial" in words(p)]
    if who == "worker" and not workers:
        return False
    for pid in workers if who != "parent" else ():
        os.kill(pid, signal.SIGKILL)
    if who != "worker":
        running.kill()
    return True


def _marked(process: psutil.Process, place: Place) -> bool:
    try:
        return bool(process.environ().get(_MARK) == place.environ[_MARK])
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False
