"""Both sides of benchmarks/sweep.py: the plain loop on recorded stage times, and the real control loop over a simulated crew."""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from search_problem import LOSS_ALONE, OBJECTIVES, Problem

from harness.config.halving import Halving
from harness.config.load import load_config
from harness.config.sweep_config import SweepConfig
from harness.console.quiet_view import QuietView
from harness.core.rungs import FULL, Rungs
from harness.guard.supervise import StopSignal
from harness.simulation.timeline import read_moments
from harness.sweep.crew import Crew
from harness.sweep.crew_simulated import SimulatedCrew, World
from harness.sweep.loop import run_sweep
from harness.sweep.simulate import SimulateAsked, open_simulation, timeline_file
from harness.sweep.workplace import Session, Workplace

Row = dict[str, Any]
Curve = list[tuple[float, float]]
SWEEP_FILE = Path(__file__).resolve().parent.parent / "search_spaces" / "quickstart.yaml"
TARGET = 0.95
WORKERS = 2


@dataclass(frozen=True, slots=True)
class Replay:
    """What the command line says.

    Attributes:
        curves: The recorded table.
        seeds: How many.
        trials: `study.n_trials`, of both.
        warm_start_s: Seconds before a trial trains on a warm worker.
        thread_gain: How many times as fast torch is with both cores as with one.
    """

    curves: Path
    seeds: int
    trials: int
    warm_start_s: float
    thread_gain: float


def measure(problem: Problem, options: Replay) -> Row:
    """Both sides on every seed."""
    rows = [one_seed(problem, options, seed) for seed in range(1, options.seeds + 1)]
    speedups = sorted(row["wall_speedup"] for row in rows)
    header = problem.curves.header  # type: ignore[attr-defined]
    return {
        "wall_speedup": {"median": round(statistics.median(speedups), 2), "min": round(speedups[0], 2)},
        "harness_never_there": sum(row["harness"]["seconds_to_target"] is None for row in rows),
        "overhead_s_per_trial": round(statistics.median(row["harness"]["overhead_s_per_trial"] for row in rows), 3),
        "warm_start_s": options.warm_start_s,
        "thread_gain": options.thread_gain,
        "n_trials": options.trials,
        "target": TARGET,
        "replayed": f"stage seconds and scores of {options.curves.name}, {problem.known} configurations",
        "recorded_on": {**header["device"], "date": header["date"]},
        "device": {"cores": len(os.sched_getaffinity(0)), "load_1_min": round(os.getloadavg()[0], 1)},
        "rungs": [[round(rung.training, 4), rung.validation] for rung in schedule()],
        "seeds": rows,
    }


def one_seed(problem: Problem, options: Replay, seed: int) -> Row:
    """Plain first: its final front is what both are timed to."""
    plain = plain_loop(problem, options, seed)
    goal = TARGET * plain[-1][1]
    theirs = first_at(plain, goal)
    assert theirs is not None
    ours, overhead, trials = harness_sweep(problem, options, seed, plain[-1][0])
    reached = first_at(ours, goal)
    seconds = reached if reached is not None else plain[-1][0]
    return {
        "seed": seed,
        "wall_speedup": round(theirs / seconds, 3),
        "goal_hypervolume": round(goal, 5),
        "plain": {"seconds_to_target": round(theirs, 1), "curve": rounded(plain)},
        "harness": {
            "seconds_to_target": None if reached is None else round(reached, 1),
            "trials": trials,
            "overhead_s_per_trial": round(overhead[0], 3),
            "overhead_cpu_s_per_trial": round(overhead[1], 3),
            "curve": rounded(ours),
        },
    }


def plain_loop(problem: Problem, options: Replay, seed: int) -> Curve:
    """(Seconds, hypervolume) after every trial: the harness' trial 0 first, both cores on one trial, no validation loss."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(directions=list(problem.directions), sampler=optuna.samplers.TPESampler(seed=seed))
    study.enqueue_trial(json.loads(json.dumps(config_of(problem, options, seed).default_proposal())))
    now, points, curve = 0.0, [], []
    for _ in range(options.trials):
        asked = time.monotonic()
        trial = study.ask(problem.distributions())
        reading = problem.curves.read(trial.params, FULL)
        stages = problem.curves.stages(trial.params, 0.0, FULL)
        values = (0.0,) * len(OBJECTIVES)
        if reading.diverged is None:
            values = tuple(reading.metrics[name] for name in OBJECTIVES)
            points.append(values)
        study.tell(trial, values)
        busy = (stages.train + stages.generate) / options.thread_gain
        now += stages.load + busy + stages.score + time.monotonic() - asked
        curve.append((now, problem.volume(points)))
    return curve


def schedule() -> Rungs:
    """As in benchmarks/search.py; see docs/benchmarks-search.md for how they were chosen."""
    shares = [{"training": rung.training, "validation": rung.validation} for rung in LOSS_ALONE.lower]
    return Halving.model_validate({"rungs": shares}).schedule()


def config_of(problem: Problem, options: Replay, seed: int, timeout_s: float | None = None) -> SweepConfig:
    """The quickstart sweep over the recorded space, in a temporary folder."""
    config = load_config(SWEEP_FILE)
    axes = {name: {k: v for k, v in axis.items() if k != "type"} for name, axis in problem.space.items()}
    read = config.model_dump(mode="json")
    read["space"] = axes
    read["training"]["max_steps"] = problem.curves.total_steps
    read["halving"] = {"rungs": [{"training": r.training, "validation": r.validation} for r in schedule() if r.training < 1]}
    read["study"] = {"seed": seed, "n_trials": options.trials, "timeout_s": timeout_s}
    return SweepConfig.model_validate_json(json.dumps(read))


def harness_sweep(problem: Problem, options: Replay, seed: int, timeout_s: float) -> tuple[Curve, tuple[float, float], int]:
    """The real loop until the virtual time of the plain loop is spent.

    Returns:
        (Seconds, hypervolume) after every complete trial, the loop's own seconds included; wall and CPU seconds of the loop per
        trial; trials.
    """
    config = config_of(problem, options, seed, timeout_s)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        tracking = config.tracking.model_copy(update={"folder": folder})
        config = config.model_copy(update={"tracking": tracking})
        session = Session(QuietView(sys.stderr), StopSignal(), dict(os.environ), stack)
        work, world = open_simulation(config, "sweep", session, SimulateAsked(options.curves))
        started, busy = time.monotonic(), time.process_time()
        run_sweep(work, lambda opened: crew_of(opened, world, options.warm_start_s))
        spent, busy = time.monotonic() - started, time.process_time() - busy
        moments = read_moments(timeline_file(work))
    own = spent / len(moments)
    points: list[tuple[float, ...]] = []
    curve: Curve = []
    for place, moment in enumerate(moments, 1):
        if moment.last and moment.values is not None:
            points.append(moment.values)
            curve.append((moment.at + place * own, problem.volume(points)))
    trials = len({moment.trial for moment in moments})
    return curve, (spent / trials, busy / trials), trials


def crew_of(work: Workplace, world: World, start_s: float) -> Crew:
    """Two workers with a core each, with the measured start of a warm trial."""
    paths, name, gate = work.paths, work.ledger.name, work.materials.gate
    timed = World(world.curves, world.card, world.timeline, WORKERS, world.faults, start_s=start_s)
    return SimulatedCrew(
        timed,
        work.objectives,
        lambda label: paths.trial_dir(name, label),
        lambda judged, peak, censored: gate.observe(judged, peak, censored=censored),
    )


def first_at(curve: Sequence[tuple[float, float]], goal: float) -> float | None:
    """When a hypervolume was reached; None if never."""
    return next((seconds for seconds, volume in curve if volume >= goal - 1e-12), None)


def rounded(curve: Curve) -> list[list[float]]:
    """The points at which it rose."""
    kept: list[list[float]] = []
    for seconds, volume in curve:
        if not kept or volume > kept[-1][1] + 1e-9:
            kept.append([round(seconds, 1), round(volume, 5)])
    return kept


def table(found: Row) -> str:
    """For a person."""
    lines = [f"replayed: {found['replayed']}; recorded on {found['recorded_on']}"]
    lines.append("seed   plain, s   harness, s   speedup   trials of the harness")
    for row in found["seeds"]:
        ours = row["harness"]["seconds_to_target"]
        shown = f"{ours:10.0f}" if ours is not None else "     never"
        plain = row["plain"]["seconds_to_target"]
        lines.append(f"{row['seed']:4}{plain:11.0f}   {shown}   {row['wall_speedup']:7.2f}   {row['harness']['trials']}")
    speed = found["wall_speedup"]
    lines.append(f"wall_speedup: {speed['median']} in the median, at least {speed['min']}")
    lines.append(f"the loop's own work: {found['overhead_s_per_trial']} s a trial, included")
    return "\n".join(lines) + "\n"
