"""Optuna's own samplers as a plain loop uses them: ask, train whole, tell."""

from __future__ import annotations

from collections.abc import Callable

import optuna
from search_problem import OBJECTIVES, Problem
from search_race import Race

SAMPLERS: dict[str, Callable[[int], optuna.samplers.BaseSampler]] = {
    "plain_optuna": lambda seed: optuna.samplers.TPESampler(seed=seed),
    "nsga2": lambda seed: optuna.samplers.NSGAIISampler(seed=seed),
    "nsga2_population_20": lambda seed: optuna.samplers.NSGAIISampler(seed=seed, population_size=20),
    "random": lambda seed: optuna.samplers.RandomSampler(seed=seed),
}
"""With their defaults; NSGA-II also with a smaller population, because 50 trials are its first generation otherwise."""


def plain_loop(problem: Problem, budget: float, sampler: optuna.samplers.BaseSampler) -> Race:
    """Run until the target is reached or the budget spent.

    What diverges costs only the training up to there, and is told as zeros: told as FAIL the samplers would not see it.
    """
    study = optuna.create_study(directions=list(problem.directions), sampler=sampler)
    race, axes = Race(problem, budget), problem.distributions()
    while not race.over:
        trial = study.ask(axes)
        measured = problem.segment(trial.number, trial.params, None, problem.rungs.last)
        race.trials += 1
        race.spend(measured.compute)
        values = measured.score.values if measured.score else (0.0,) * len(OBJECTIVES)
        study.tell(trial, values)
        if measured.score is not None:
            race.finish(values)
    return race
