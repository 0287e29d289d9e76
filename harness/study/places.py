"""Values of a parameter and their places on a scale of 0 to 1: drawing without a sampler, levels of a grid, clipping.

Owns that mapping, cut as Optuna cuts it. Distributions come from `harness.study.sampling`.
"""

from __future__ import annotations

import math
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

_HAIR = 1e-9


def holds(distribution: BaseDistribution, value: Any) -> bool:
    """Whether a value could have been proposed."""
    if isinstance(distribution, CategoricalDistribution):
        return any(value is choice or (type(value) is type(choice) and value == choice) for choice in distribution.choices)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return False
    if isinstance(distribution, IntDistribution):
        return value == int(value) and distribution._contains(value)
    return isinstance(distribution, FloatDistribution) and distribution._contains(value)


def value_at(distribution: BaseDistribution, place: float) -> Any:
    """The value below which a share of all proposals without preferences lies.

    Args:
        distribution: Of the parameter.
        place: 0 <= place < 1.

    Raises:
        TypeError: if the kind of distribution is unknown.
    """
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[min(int(place * len(distribution.choices)), len(distribution.choices) - 1)]
    if isinstance(distribution, IntDistribution):
        return _int_at(distribution, place)
    if isinstance(distribution, FloatDistribution):
        return min(distribution.high, max(distribution.low, _float_at(distribution, place)))  # rounding may lead a hair beyond
    raise TypeError(f"no such distribution: {distribution!r}")


def _int_at(axis: IntDistribution, place: float) -> int:
    if axis.log:  # as Optuna's samplers do it: half a step wider at both ends, then rounded
        low, high = math.log(axis.low - 0.5), math.log(axis.high + 0.5)
        return min(axis.high, max(axis.low, round(math.exp(low + place * (high - low)))))
    count = (axis.high - axis.low) // axis.step + 1
    return axis.low + axis.step * min(int(place * count), count - 1)


def _float_at(axis: FloatDistribution, place: float) -> float:
    if axis.log:
        return math.exp(math.log(axis.low) + place * math.log(axis.high / axis.low))
    if axis.step is not None:
        count = math.floor((axis.high - axis.low) / axis.step + _HAIR) + 1
        return axis.low + axis.step * min(int(place * count), count - 1)
    return axis.low + place * (axis.high - axis.low)


def place_of(distribution: BaseDistribution, value: Any) -> float:
    """The share of all proposals without preferences that lies below a value of a range, in [0, 1].

    Args:
        distribution: A range.
        value: Within it.
    """
    low, high = _ends(distribution)
    if low == high:
        return 0.5
    if not isinstance(distribution, IntDistribution):
        return (
            math.log(value / low) / math.log(high / low) if getattr(distribution, "log", False) else (value - low) / (high - low)
        )
    if distribution.log:
        low, high = low - 0.5, high + 0.5
        return math.log(value / low) / math.log(high / low)
    half = distribution.step / 2
    return float((value - low + half) / (high - low + 2 * half))


def levels(distribution: BaseDistribution, points: int) -> list[Any]:
    """What a grid tries along an axis: every choice, every step, or `points` levels from end to end, evenly on its scale.

    Args:
        distribution: Of the parameter.
        points: Levels of a range that has no step of its own, or of whole numbers that are more than that; at least 2.
    """
    if isinstance(distribution, CategoricalDistribution):
        return list(distribution.choices)
    low, high = _ends(distribution)
    if isinstance(distribution, IntDistribution):
        count = (high - low) // distribution.step + 1
        if not distribution.log and (distribution.step > 1 or count <= points):
            return [low + distribution.step * index for index in range(int(count))]
    elif isinstance(distribution, FloatDistribution) and distribution.step is not None:
        count = math.floor((high - low) / distribution.step + _HAIR) + 1
        return [min(high, low + distribution.step * index) for index in range(int(count))]
    return _even(distribution, points)


def _even(distribution: BaseDistribution, points: int) -> list[Any]:
    low, high = _ends(distribution)
    shares = [index / (points - 1) for index in range(points)]
    if getattr(distribution, "log", False):
        scaled = [low * (high / low) ** share for share in shares]
    else:
        scaled = [low + (high - low) * share for share in shares]
    if isinstance(distribution, IntDistribution):
        return sorted({min(int(high), max(int(low), round(value))) for value in scaled})
    return sorted({min(high, max(low, value)) for value in scaled})


def nearest(distribution: BaseDistribution, value: Any) -> Any:
    """The value itself, or the end of the range it lies beyond, or the nearest step; None where there is no such thing."""
    if holds(distribution, value):
        return value
    if isinstance(distribution, CategoricalDistribution) or isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not math.isfinite(value):
        return None
    low, high = _ends(distribution)
    inside = min(high, max(low, value))
    step = getattr(distribution, "step", None)
    if step is not None:
        inside = min(high, low + step * round((inside - low) / step))
    return int(inside) if isinstance(distribution, IntDistribution) else float(inside)


def _ends(distribution: BaseDistribution) -> tuple[float, float]:
    if isinstance(distribution, IntDistribution | FloatDistribution):
        return distribution.low, distribution.high
    raise TypeError(f"no range: {distribution!r}")
