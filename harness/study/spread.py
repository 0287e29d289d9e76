"""Proposals away from everything that was tried, for a sampler that proposes what it knows already.

Owns when that is so, and the choice by distance. Places on the axes are `harness.study.places`'.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution, CategoricalDistribution

from harness.study.history import Past
from harness.study.places import holds, place_of, value_at

CANDIDATES = 256
APART = 0.35
"""How far two categories lie apart, as a share of a range; more would draw every second proposal to another category."""


def repeats(history: Sequence[Past]) -> bool:
    """Whether the newest result was there before, to the last bit of the validation loss (`harness.core.halving.twins`).

    Settings in steps or choices meet again in short sweeps: a sampler that has learned where it is good proposes there.

    Args:
        history: Every trial there is, in order.
    """
    results = [result for past in history if (result := _result(past)) is not None]
    return bool(results) and results[-1] in results[:-1]


def _result(past: Past) -> tuple[Any, ...] | None:
    """What a trial came to where it was judged first; None before that, and without a loss."""
    rung = next((rung for rung, loss in enumerate(past.losses) if loss is not None), None)
    return None if rung is None else (rung, past.losses[rung], past.rungs[rung] if rung < len(past.rungs) else None)


def spread_proposal(
    axes: Mapping[str, BaseDistribution], seed: int, number: int, tried: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Of `CANDIDATES` settings at random the one whose nearest tried settings are farthest: a function of its arguments.

    Args:
        axes: Searched parameter -> its distribution.
        seed: `study.seed`.
        number: Of the trial.
        tried: Settings so far; those that lie outside the space count nowhere.
    """
    draw = random.Random(f"spread {seed} {number}")  # noqa: S311 -- settings, not a secret
    candidates = [{name: value_at(axis, draw.random()) for name, axis in axes.items()} for _ in range(CANDIDATES)]
    inside = [given for given in tried if all(name in given and holds(axis, given[name]) for name, axis in axes.items())]
    if not inside:
        return candidates[0]
    points, taken = _points(axes, candidates), _points(axes, inside)
    nearest = np.full(len(points), np.inf)
    for point in taken:
        np.minimum(nearest, ((points - point) ** 2).sum(axis=1), out=nearest)
    return candidates[int(np.argmax(nearest))]


def _points(axes: Mapping[str, BaseDistribution], settings: Sequence[Mapping[str, Any]]) -> NDArray[np.float64]:
    """Shape ``(n_settings, n_columns)``: a column of 0-1 for a range, one for each category."""
    return np.array([[part for name, axis in axes.items() for part in _columns(axis, given[name])] for given in settings])


def _columns(axis: BaseDistribution, value: Any) -> list[float]:
    if isinstance(axis, CategoricalDistribution):
        return [APART * (choice == value) for choice in axis.choices]
    return [place_of(axis, value)]
