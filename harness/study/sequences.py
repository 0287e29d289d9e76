"""Proposals that learn nothing: a sequence that fills the space, and every combination of a grid.

Both depend on the trial's number or on what was tried, never on how often they were asked: a sweep that is taken up again
goes on where it stood.
"""

from __future__ import annotations

import math
import random
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from optuna.distributions import BaseDistribution

from harness.study.history import Past
from harness.study.places import levels, value_at

_TOLERANCE = 1e-9


def qmc_proposal(distributions: Mapping[str, BaseDistribution], seed: int, number: int) -> dict[str, Any]:
    """The point of a scrambled Sobol sequence that belongs to a trial's number.

    Args:
        distributions: Parameter -> its distribution.
        seed: Of the scrambling: another sequence for another seed.
        number: Of the trial, from 0.

    Source: Owen (1998), "Scrambling Sobol' and Niederreiter-Xing points"; scipy.stats.qmc.
    """
    from scipy.stats import qmc  # half a second that only this sampler pays

    engine = qmc.Sobol(len(distributions), scramble=True, rng=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # balance at powers of two: one point at a time is asked for
        if number:
            engine.fast_forward(number)
        point = engine.random(1)[0]
    return {name: value_at(axis, float(place)) for (name, axis), place in zip(distributions.items(), point, strict=True)}


def grid_proposal(
    distributions: Mapping[str, BaseDistribution], points: int, seed: int, history: Iterable[Past]
) -> dict[str, Any] | None:
    """The next combination of the grid that no trial has had; None when it is through.

    Args:
        distributions: Parameter -> its distribution.
        points: Levels of a range that has no step.
        seed: Of the order: a grid that is broken off has been all over the space.
        history: Every trial there is.
    """
    axes = {name: levels(distribution, points) for name, distribution in distributions.items()}
    tried = {key for past in history if (key := _indices(axes, past.params)) is not None}
    size = math.prod(len(values) for values in axes.values())
    for index in _all_over(size, seed):
        combination = _combination(index, [len(values) for values in axes.values()])
        if combination not in tried:
            return {name: values[place] for (name, values), place in zip(axes.items(), combination, strict=True)}
    return None


def _all_over(size: int, seed: int) -> Iterator[int]:
    """Every index below `size` once, far from the ones before: steps of the golden section, from anywhere. Grids can be huge."""
    step = max(1, round(size * (math.sqrt(5) - 1) / 2))
    while math.gcd(step, size) > 1:
        step += 1
    start = random.Random(seed).randrange(size)  # noqa: S311 -- an order, not a secret
    return ((start + turn * step) % size for turn in range(size))


def _combination(index: int, lengths: Sequence[int]) -> tuple[int, ...]:
    found = []
    for length in lengths:
        index, place = divmod(index, length)
        found.append(place)
    return tuple(found)


def grid_size(distributions: Mapping[str, BaseDistribution], points: int) -> int:
    """How many combinations a grid has."""
    return math.prod(len(levels(distribution, points)) for distribution in distributions.values())


def _indices(axes: Mapping[str, list[Any]], params: Mapping[str, Any]) -> tuple[int, ...] | None:
    """The combination that a trial's settings are; None where they lie beside the grid."""
    found = []
    for name, values in axes.items():
        place = next((index for index, value in enumerate(values) if name in params and _same(params[name], value)), None)
        if place is None:
            return None
        found.append(place)
    return tuple(found)


def _same(left: Any, right: Any) -> bool:
    if type(left) is float or type(right) is float:
        return isinstance(left, int | float) and isinstance(right, int | float) and abs(left - right) <= _TOLERANCE * abs(right)
    return type(left) is type(right) and bool(left == right)
