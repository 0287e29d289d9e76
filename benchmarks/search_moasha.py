"""Syne Tune's MOASHA, driven directly: suggest, report at every rung, stop or go on.

Not a dependency: ``pip install syne-tune`` where it fits, or ``pip install --target FOLDER syne-tune`` and FOLDER on
PYTHONPATH, behind the packages of this project.
"""

from __future__ import annotations

import random
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray
from search_problem import OBJECTIVES, Problem
from search_race import Race


def available() -> str | None:
    """Its version; None where it is not installed."""
    try:
        import syne_tune.optimizer.schedulers.multiobjective.moasha  # noqa: F401
    except ImportError:
        return None
    return version("syne-tune")


def moasha(problem: Problem, budget: float, seed: int, *, repaired: bool) -> Race:
    """One worker: a trial runs until it is stopped or trained whole; the scheduler's rungs are the problem's.

    Args:
        problem: What is searched; its rungs rise by a factor of 3.
        budget: Whole trainings after which it is given up.
        seed: Of its random proposals; its space draws from the global generators.
        repaired: With ranks as priorities. As shipped (0.16.0) `NonDominatedPriority` returns the sorted order itself, in
            which the place of a trial says nothing about how good it is.
    """
    from syne_tune.backend.trial_status import Trial
    from syne_tune.optimizer.scheduler import SchedulerDecision
    from syne_tune.optimizer.schedulers.multiobjective.moasha import MOASHA

    np.random.seed(seed)  # Syne Tune draws from the global generators
    random.seed(seed)
    steps = [round(rung.training * problem.curves.total_steps) for rung in problem.rungs]
    scheduler = MOASHA(
        space_of(problem),
        list(OBJECTIVES),
        do_minimize=False,
        time_attr="steps",
        max_t=steps[-1],
        grace_period=steps[0],
        reduction_factor=3,
        brackets=1,
        random_seed=seed,
        multiobjective_priority=_ranks() if repaired else None,
    )
    race = Race(problem, budget)
    while not race.over:
        suggestion = scheduler.suggest()
        trial = Trial(race.trials, suggestion.config, None)
        scheduler.on_trial_add(trial)
        race.trials += 1
        for rung in range(problem.rungs.last + 1):
            measured = problem.segment(race.trials, suggestion.config, rung - 1 if rung else None, rung)
            race.spend(measured.compute)
            values = measured.score.values if measured.score else (0.0,) * len(OBJECTIVES)
            decision = scheduler.on_trial_result(trial, dict(zip(OBJECTIVES, values, strict=True), steps=steps[rung]))
            if measured.score is None:
                break
            if rung == problem.rungs.last:
                race.finish(values)
            elif decision != SchedulerDecision.CONTINUE:
                break
        scheduler.on_trial_remove(trial)
    return race


def space_of(problem: Problem) -> dict[str, Any]:
    """The space in Syne Tune's words."""
    from syne_tune.config_space import choice, lograndint, loguniform, randint, uniform

    made = {}
    for name, axis in problem.space.items():
        if "choices" in axis:
            made[name] = choice(axis["choices"])
            continue
        whole = axis["type"] == "int"
        make = (lograndint if whole else loguniform) if axis["log"] else (randint if whole else uniform)
        made[name] = make(axis["low"], axis["high"])
    return made


def _ranks() -> Any:
    from syne_tune.optimizer.schedulers.multiobjective.multiobjective_priority import NonDominatedPriority

    class Ranks(NonDominatedPriority):  # type: ignore[misc]
        """Place of each trial in the sorted order, 0 the best."""

        def priority_unsafe(self, objectives: NDArray[Any]) -> NDArray[Any]:
            """The inverse of the order it would return."""
            return np.argsort(super().priority_unsafe(objectives))

    return Ranks()
