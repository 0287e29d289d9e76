"""From the sweep file's axes to Optuna distributions, and from what a study has seen to its next proposal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from harness.config.fields import Choices, FloatRange, IntRange
from harness.config.sections import Sampler
from harness.config.space import Space
from harness.core.pareto import Direction
from harness.study.derived import ask_sampler
from harness.study.history import Past
from harness.study.rung_model import lessons
from harness.study.sequences import grid_proposal, qmc_proposal
from harness.study.spread import repeats, spread_proposal

_TURN = 100_003
POPULATION = 20
"""Of NSGA-II: a sweep has tens of trials; Optuna's 50 would never see a second generation."""


def distributions(space: Space) -> dict[str, BaseDistribution]:
    """Optuna's distribution of every searched parameter."""
    return {name: _distribution(axis) for name, axis in space.axes().items()}


def _distribution(axis: IntRange | FloatRange | Choices[Any]) -> BaseDistribution:
    if isinstance(axis, Choices):
        return CategoricalDistribution([plain(choice) for choice in axis.choices])
    if isinstance(axis, IntRange):
        return IntDistribution(axis.low, axis.high, log=axis.log, step=axis.step)
    return FloatDistribution(axis.low, axis.high, log=axis.log, step=axis.step)


def plain(value: Any) -> Any:
    """A choice as the scalar that Optuna stores."""
    return value.value if isinstance(value, Enum) else value


@dataclass(frozen=True, slots=True)
class ProposalAsk:
    """What is asked for.

    Attributes:
        distributions: Searched parameter -> its distribution.
        directions: Of the objectives, in the order of their values.
        settings: `study.sampler` of the sweep file.
        seed: `study.seed`.
    """

    distributions: Mapping[str, BaseDistribution]
    directions: tuple[Direction, ...]
    settings: Sampler
    seed: int


def propose(history: Sequence[Past], ask: ProposalAsk, number: int | None = None) -> dict[str, Any] | None:
    """The next proposal: a function of the history alone.

    It is seeded by the study's seed and the trial's number, and its sampler keeps nothing between two calls: a sweep that was
    taken up again proposes what an uninterrupted one would.

    Args:
        history: Every trial that exists, failed ones included.
        ask: What is asked for.
        number: Of the trial that the proposal is for; absent: the number of trials that exist.

    Returns:
        Parameter -> value; None when a grid is through.
    """
    settings, axes = ask.settings, ask.distributions
    number = len(history) if number is None else number
    if settings.name == "grid":
        return grid_proposal(axes, settings.grid_points, ask.seed, history)
    if settings.name == "qmc":
        return qmc_proposal(axes, ask.seed, number)
    if settings.name == "tpe" and number < settings.n_startup_trials:
        return first_proposal(axes, ask.directions, ask.seed, number)
    if settings.name != "random" and repeats(history):
        return spread_proposal(axes, ask.seed, number, [past.params for past in history])
    sampler = _sampler(settings, ask.seed * _TURN + number)
    return ask_sampler(sampler, axes, ask.directions, lessons(history, ask.directions, settings.rungs))


def first_proposal(
    axes: Mapping[str, BaseDistribution], directions: Sequence[Direction], seed: int, number: int
) -> dict[str, Any]:
    """What Optuna's own TPESampler with this seed proposes for its first trials: a plain loop and a sweep begin alike.

    Args:
        axes: Searched parameter -> its distribution.
        directions: Of the objectives.
        seed: `study.seed`.
        number: Of the trial.
    """
    study = optuna.create_study(
        directions=list(directions), sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=number + 1)
    )
    return [dict(study.ask(dict(axes)).params) for _ in range(number + 1)][number]


def _sampler(settings: Sampler, seed: int) -> optuna.samplers.BaseSampler:
    match settings.name:
        case "random":
            return optuna.samplers.RandomSampler(seed=seed)
        case "nsga2":
            return optuna.samplers.NSGAIISampler(seed=seed, population_size=POPULATION)
        case "gp":
            return optuna.samplers.GPSampler(seed=seed, n_startup_trials=settings.n_startup_trials)
    # One model of all parameters, for rank and learning rate belong together; Optuna's own default for several objectives is a
    # model for each parameter, which needed more trials on every family of learning curves that it was tried on.
    return optuna.samplers.TPESampler(seed=seed, n_startup_trials=settings.n_startup_trials, multivariate=True)
