"""Hyperband's brackets: which rung a trial is judged at first. Pure.

Owns the shares of the brackets and the deal. What happens at a rung is `harness.core.halving`'s.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from harness.core.rungs import Rungs

_GOLDEN = (math.sqrt(5) - 1) / 2


def bracket_weights(rungs: Rungs, brackets: int, reduction_factor: float) -> tuple[float, ...]:
    """Shares of the trials that start at each of the lowest rungs, so that every bracket costs about the same; their sum is 1.

    A trial that starts at a rung pays for it and for every later one by its chance to get there, one in `reduction_factor`
    a rung. Training is what counts as cost.

    Args:
        rungs: All rungs.
        brackets: How many rungs may be the first, 1 to ``len(rungs)``; 1 is plain successive halving.
        reduction_factor: Of the rungs, above 1.

    Raises:
        ValueError: if there are more brackets than rungs, or none.

    Source: Li et al. (2018), "Hyperband: a novel bandit-based approach to hyperparameter optimization".
    """
    if not 1 <= brackets <= len(rungs):
        raise ValueError(f"there are {len(rungs)} rungs for {brackets} brackets")
    shares = [rung.training for rung in rungs]
    gains = [b - a for a, b in pairwise(shares)]
    costs = [
        shares[first] + sum(gain / reduction_factor ** (up + 1) for up, gain in enumerate(gains[first:]))
        for first in range(brackets)
    ]
    whole = sum(1 / cost for cost in costs)
    return tuple(1 / cost / whole for cost in costs)


def bracket(number: int, weights: Sequence[float]) -> int:
    """The index of the first rung at which a trial is judged: Hyperband's brackets, dealt by trial number alone.

    The fractional parts of multiples of the golden ratio fill the unit interval as evenly as any sequence that needs no
    memory, so that every stretch of numbers is dealt by the weights.

    Args:
        number: Trial number, from 0.
        weights: Share of the trials that starts at each rung, at least 0, in any unit.

    Raises:
        ValueError: if a weight is negative or none is positive.
    """
    if not weights or min(weights) < 0 or sum(weights) <= 0:
        raise ValueError(f"brackets need weights of at least 0, one of them positive, found {list(weights)}")
    place = (number * _GOLDEN) % 1.0 * sum(weights)
    for rung, weight in enumerate(weights):
        if place < weight:
            return rung
        place -= weight
    return max(rung for rung, weight in enumerate(weights) if weight > 0)  # rounding reached the end
