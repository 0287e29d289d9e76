"""Training compute until a search has found nearly everything there is to find, for several searches in one run.

Usage: python benchmarks/search.py [--seeds 30] [--budget 100] [--curves FILE | --synthetic N] [--syne-tune FOLDER]
       [--moasha-budget 40] [--json]

Compute is counted in whole trainings: optimizer steps done over the steps of a full training. A search is through when the
hypervolume of its COMPLETE trials reaches 95 % of that of the exhaustive front, the best of every configuration there is. All
searches look up the same table (nearest neighbour in the unit cube of the space), in the same run, one trial at a time:

* harness: the sweep's own proposals, promotions and cuts with the defaults of a sweep file (`search_harness`)
* harness, not learning: the same, but scores below the full rung teach the sampler nothing
* plain Optuna: ask, train whole, tell; Optuna's default sampler. NSGA-II and random search likewise
* MOASHA: Syne Tune's scheduler as shipped, and with its priorities repaired; the better one counts (`search_moasha`)

A search that has not got there within the budget counts with the budget and is reported as censored: ratios against it are then
lower bounds. MOASHA has a smaller budget, for its sort takes minutes with a thousand trials. ``speedup_*`` are ratios of
compute seed by seed. Generation and scoring are not counted here, but in benchmarks/sweep.py. ``--synthetic N`` takes N made-up
problems in turn in place of the recorded table, and ``--exact`` has those answer for the very settings asked, without a table:
there no proposal meets the same curve twice.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import platform
import statistics
import sys
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import optuna
from search_harness import HarnessSearch, Way
from search_moasha import available, moasha
from search_plain import SAMPLERS, plain_loop
from search_problem import LOSS_ALONE, LOSS_AND_THIRD, TABLE, THIRD, Problem, made_up, recorded
from search_race import TARGET, Race

from harness.config.sections import Sampler
from harness.core.halving import Halving
from harness.core.rungs import Rungs

Search = Callable[[Problem, float, int], Race]
Row = dict[str, Any]

_UNSEEN = 40
"""Made-up problems below this number were looked at while rules and defaults were chosen."""
LEARNING, IGNORING = Way(), Way(sampler=Sampler(rungs="ignore"))
HALF = Halving(2.0)


def harness(way: Way, rungs: Rungs | None = None) -> Search:
    """The harness one way; `rungs` in place of all recorded ones."""
    return lambda problem, budget, seed: HarnessSearch(at_rungs(problem, rungs), way, seed).run(budget)


def moasha_at(rungs: Rungs | None, *, repaired: bool) -> Search:
    """MOASHA one way."""
    return lambda problem, budget, seed: moasha(at_rungs(problem, rungs), budget, seed, repaired=repaired)


def at_rungs(problem: Problem, rungs: Rungs | None) -> Problem:
    """The problem, looked at elsewhere."""
    return problem if rungs is None else replace(problem, rungs=rungs)


SEARCHES: dict[str, Search] = {
    "harness": harness(LEARNING, LOSS_ALONE),
    "harness_not_learning": harness(IGNORING, LOSS_ALONE),
    "harness_reduction_2": harness(Way(rule=HALF), LOSS_ALONE),
    "harness_loss_and_third": harness(LEARNING, LOSS_AND_THIRD),
    "harness_third_alone": harness(LEARNING, THIRD),
    "harness_scores_at_every_rung": harness(LEARNING),
    "harness_whole_trainings": harness(Way(rungs=False)),
    "harness_qmc": harness(Way(sampler=Sampler(name="qmc")), LOSS_ALONE),
    **{name: (lambda p, budget, seed, make=make: plain_loop(p, budget, make(seed))) for name, make in SAMPLERS.items()},
    "moasha_as_shipped": moasha_at(None, repaired=False),
    "moasha_repaired": moasha_at(None, repaired=True),
    "moasha_repaired_third": moasha_at(THIRD, repaired=True),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line says.

    Attributes:
        seeds: Searches of each kind.
        budget: Whole trainings after which a search is given up.
        curves: The recorded table.
        synthetic: How many made-up problems to take instead; 0 for none.
        exact: Whether those are known everywhere.
        syne_tune: Folder that Syne Tune was installed into, or None.
        moasha_budget: Whole trainings after which its searches are given up.
        jobs: Processes.
        only: Names of the searches; empty for all.
    """

    seeds: int
    budget: float
    curves: Path
    synthetic: int
    exact: bool
    syne_tune: Path | None
    moasha_budget: float
    jobs: int
    only: tuple[str, ...]


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--budget", type=float, default=100.0)
    parser.add_argument("--curves", type=Path, default=TABLE)
    parser.add_argument("--synthetic", type=int, default=0)
    parser.add_argument("--exact", action="store_true", help="with --synthetic: no table")
    parser.add_argument("--syne-tune", type=Path, default=None, help="from pip install --target FOLDER syne-tune")
    parser.add_argument("--moasha-budget", type=float, default=40.0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--only", nargs="*", default=(), choices=list(SEARCHES))
    parser.add_argument("--json", action="store_true")
    options = vars(parser.parse_args())
    as_json = options.pop("json")
    found = measure(Asked(**{**options, "only": tuple(options["only"])}))
    sys.stdout.write(json.dumps(found) + "\n" if as_json else table(found))


def measure(asked: Asked) -> Row:
    """Every search on every seed."""
    quiet(asked)
    syne_tune = available()
    names = [name for name in asked.only or SEARCHES if syne_tune or not name.startswith("moasha")]
    tasks = [(asked, name, seed) for seed in range(asked.seeds) for name in names]
    with ProcessPoolExecutor(asked.jobs, initializer=quiet, initargs=(asked,)) as pool:
        races = list(pool.map(raced, tasks))
    rows: dict[str, list[Row]] = {name: [] for name in names}
    for (_, name, _), race in zip(tasks, races, strict=True):
        rows[name].append(race)
    problem = problem_of(asked, 0)
    about = {
        "target": TARGET,
        "seeds": asked.seeds,
        "budget": asked.budget,
        "moasha_budget": min(asked.budget, asked.moasha_budget),
        "problem": f"{asked.synthetic} synthetic{', exact' * asked.exact}" if asked.synthetic else asked.curves.name,
        "configurations": problem.known,
        "front": [list(point) for point in problem.front] if not asked.synthetic else None,
        "rungs": {
            "harness": shares(LOSS_ALONE),
            "all": shares(problem.rungs),
        },
        "way": {"sampler": LEARNING.sampler.model_dump(mode="json"), "reduction_factor": LEARNING.rule.reduction_factor},
        "optuna": version("optuna"),
        "syne_tune": syne_tune,
        "device": {"cpu": platform.processor() or platform.machine(), "cores": len(os.sched_getaffinity(0))},
    }
    return {**headline(rows), **about, "searches": {name: summary(found) for name, found in rows.items()}}


def shares(rungs: Rungs) -> list[tuple[float, float]]:
    """Of training and of validation, at every rung."""
    return [(round(rung.training, 4), rung.validation) for rung in rungs]


def quiet(asked: Asked) -> None:
    """Make Syne Tune importable behind this project's own packages, and libraries silent; in every process."""
    if asked.syne_tune is not None and str(asked.syne_tune) not in sys.path:
        sys.path.append(str(asked.syne_tune))
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")


def raced(task: tuple[Asked, str, int]) -> Row:
    """One search."""
    asked, name, seed = task
    budget = min(asked.budget, asked.moasha_budget) if name.startswith("moasha") else asked.budget
    race = SEARCHES[name](problem_of(asked, seed), budget, seed)
    return {"compute": race.cost, "censored": race.reached is None, "trials": race.trials, "complete": race.complete}


def problem_of(asked: Asked, seed: int) -> Problem:
    """What a seed searches."""
    return _problem(asked.curves, _UNSEEN + seed % asked.synthetic if asked.synthetic else None, asked.exact)


@cache
def _problem(curves: Path, synthetic: int | None, exact: bool) -> Problem:
    return recorded(curves) if synthetic is None else made_up(synthetic, exact=exact)


def headline(rows: dict[str, list[Row]]) -> Row:
    """The figures that stand for the rest."""
    if "harness" not in rows:
        return {}
    shipped = [name for name in rows if name.startswith("moasha")]
    best = min(shipped, key=lambda name: statistics.median(row["compute"] for row in rows[name]), default=None)
    others = {"plain_optuna": "plain_optuna", "moasha": best, "nsga2": "nsga2", "random": "random"}
    found = {f"speedup_vs_{name}": ratio(rows[other], rows["harness"]) for name, other in others.items() if other in rows}
    if "harness_not_learning" in rows:
        found["effect_of_learning"] = ratio(rows["harness_not_learning"], rows["harness"])
    return {**found, "better_moasha": best}


def ratio(theirs: Sequence[Row], ours: Sequence[Row]) -> Row:
    """Their compute over ours, seed by seed."""
    ratios = sorted(a["compute"] / b["compute"] for a, b in zip(theirs, ours, strict=True))
    bounds = sum(a["censored"] for a in theirs)
    return {
        "median": round(statistics.median(ratios), 3),
        "p10": round(quantile(ratios, 0.1), 3),
        "p90": round(quantile(ratios, 0.9), 3),
        "theirs_censored": bounds,
        "ours_censored": sum(b["censored"] for b in ours),
    }


def quantile(ordered: Sequence[float], share: float) -> float:
    """By linear interpolation."""
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


def summary(rows: Sequence[Row]) -> Row:
    """One search over the seeds."""
    costs = sorted(row["compute"] for row in rows)
    return {
        "compute_median": round(statistics.median(costs), 2),
        "compute_p10": round(quantile(costs, 0.1), 2),
        "compute_p90": round(quantile(costs, 0.9), 2),
        "censored": sum(row["censored"] for row in rows),
        "trials_median": statistics.median(row["trials"] for row in rows),
        "complete_median": statistics.median(row["complete"] for row in rows),
        "computes": [round(row["compute"], 2) for row in rows],
    }


def table(found: Row) -> str:
    """For a person."""
    lines = [f"{found['problem']}: {found['configurations']} configurations, rungs {found['rungs']}, {found['seeds']} seeds"]
    lines.append(f"{'whole trainings to ' + format(TARGET, '.0%'):30}  median     p10     p90  censored  trials  complete")
    for name, row in found["searches"].items():
        cells = (row["compute_median"], row["compute_p10"], row["compute_p90"])
        counts = f"{row['censored']:9}  {row['trials_median']:6g}  {row['complete_median']:8g}"
        lines.append(f"{name:30}" + "".join(f"{cell:8.1f}" for cell in cells) + counts)
    for name, row in found.items():
        if name.startswith(("speedup", "effect")):
            lines.append(f"{name:30}  {row['median']:.2f} in the median, {row['p10']:.2f} at the 10th percentile")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
