"""What a sweep itself costs a trial, and how its memory grows: the real control loop over a simulated crew.

Usage: python benchmarks/overhead.py [--trials 1000] [--json]

Study and MLflow on SQLite, memory gate, proposals of the default sampler, rungs, leases and recovery are the sweep's own; a
trial takes no real time, so that all of the time is the loop's. ``overhead_s_per_trial`` and ``overhead_cpu_s_per_trial`` are
means from the beginning of the first trial to that of the last, ``..._late`` over the last tenth. ``growth_mb_per_1000`` is how
much the resident set has grown between the end of the first tenth (imports, caches and pools are there by then) and the last
trial. The sweep is that of search_spaces/quickstart.yaml, with its one rung.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import tempfile
import time
import warnings
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True)
class Moment:
    """When a trial was begun.

    Attributes:
        wall_s: Seconds so far.
        cpu_s: Of this process.
        rss: Resident bytes.
    """

    wall_s: float
    cpu_s: float
    rss: int


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.trials < 10:
        parser.error("--trials has to be 10 at least: the first tenth is left out")
    # A script beside this one is named like the package `evaluation`: with its folder first, it would be found instead.
    sys.path[:] = [str(HERE.parent), *(place for place in sys.path if Path(place or ".").resolve() != HERE)]
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    found = summary(swept(options.trials))
    text = f"{found['overhead_s_per_trial']} s a trial, {found['growth_mb_per_1000']} MB per 1,000 trials: {found}"
    sys.stdout.write((json.dumps(found) if options.json else text) + "\n")


def swept(trials: int) -> list[Moment]:
    """The beginning of every trial."""
    import psutil

    from harness.config.load import load_config
    from harness.console.quiet_view import QuietView
    from harness.guard.watcher import StopSignal
    from harness.sweep.crew import Crew, Segment
    from harness.sweep.crew_simulated import SimulatedCrew
    from harness.sweep.loop import run_sweep
    from harness.sweep.simulate import SWITCHES, SimulateAsked, open_simulation
    from harness.sweep.workplace import Session, Workplace

    process, moments, seen = psutil.Process(), list[Moment](), set[int]()

    def note() -> None:
        moments.append(Moment(time.monotonic(), time.process_time(), process.memory_info().rss))

    class Noting(SimulatedCrew):
        """Looks at the clock when a trial begins."""

        def start(self, segment: Segment) -> None:
            """As ever."""
            if segment.number not in seen:
                seen.add(segment.number)
                note()
            super().start(segment)

    config = load_config(HERE.parent / "search_spaces" / "quickstart.yaml")
    study = config.study.model_copy(update={"n_trials": trials, "timeout_s": None})
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        tracking = config.tracking.model_copy(update={"folder": folder})
        config = config.model_copy(update={"study": study, "tracking": tracking})
        session = Session(QuietView(sys.stderr), StopSignal(), {k: v for k, v in os.environ.items() if k != SWITCHES}, stack)
        work, world = open_simulation(config, "overhead", session, SimulateAsked())

        def hire(opened: Workplace) -> Crew:
            gate, paths, name = opened.materials.gate, opened.paths, opened.ledger.name
            return Noting(
                world,
                opened.objectives,
                lambda label: paths.trial_dir(name, label),
                lambda judged, peak, censored: gate.observe(judged, peak, censored=censored),
            )

        run_sweep(work, hire)
    return moments


def summary(moments: list[Moment]) -> dict[str, Any]:
    """Means and the slope."""
    between, tenth = len(moments) - 1, max(1, len(moments) // 10)
    first, settled, late, last = moments[0], moments[tenth], moments[-1 - tenth], moments[-1]
    return {
        "trials": len(moments),
        "overhead_s_per_trial": round((last.wall_s - first.wall_s) / between, 3),
        "overhead_cpu_s_per_trial": round((last.cpu_s - first.cpu_s) / between, 3),
        "overhead_s_per_trial_late": round((last.wall_s - late.wall_s) / tenth, 3),
        "overhead_cpu_s_per_trial_late": round((last.cpu_s - late.cpu_s) / tenth, 3),
        "growth_mb_per_1000": round((last.rss - settled.rss) / 1e6 / (between - tenth) * 1000, 1),
        "rss_mb": round(last.rss / 1e6, 1),
        "device": {"cores": len(os.sched_getaffinity(0)), "load_1_min": round(os.getloadavg()[0], 1)},
    }


if __name__ == "__main__":
    main()
