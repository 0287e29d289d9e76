"""From the sweep file's axes to Optuna distributions and samplers."""

from __future__ import annotations

import warnings
from enum import Enum
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from harness.config.fields import Choices, FloatRange, IntRange
from harness.config.sections import Sampler
from harness.config.space import Space


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


def build_sampler(settings: Sampler, seed: int, trials_so_far: int) -> optuna.samplers.BaseSampler:
    """A sampler for the next proposal alone.

    It is built anew for every proposal, seeded by the study's seed and the number of trials that exist: a proposal
    is then a function of the history, and a sweep that was taken up again proposes what an uninterrupted one would.
    """
    turn = seed * 100_003 + trials_so_far
    match settings.name:
        case "random":
            return optuna.samplers.RandomSampler(seed=turn)
        case "nsga2":
            return optuna.samplers.NSGAIISampler(seed=turn)
        case "qmc":
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                return optuna.samplers.QMCSampler(seed=seed)  # its sequence is kept in the study
    return optuna.samplers.TPESampler(seed=turn, n_startup_trials=settings.n_startup_trials)
