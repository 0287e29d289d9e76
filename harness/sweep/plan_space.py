"""Settings drawn from a search space without a study: what a sampler without preferences would propose.

Owns the drawing. Optuna's own distributions are `harness.study.sampling`'s; a value drawn here is one that they hold.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from enum import Enum
from typing import Any

from harness.config.fields import Choices, FloatRange, IntRange
from harness.config.space import Space, extremes

Axis = IntRange | FloatRange | Choices[Any]


def draw(space: Space, count: int, seed: int) -> list[dict[str, Any]]:
    """A Latin hypercube over the space: along every axis each of `count` equally likely slices is hit once.

    Args:
        space: What is searched.
        count: Settings to draw, at least 1.
        seed: The same seed draws the same settings.

    Source: McKay, Beckman, Conover (1979), 10.1080/00401706.1979.10489755.
    """
    chance = random.Random(seed)  # noqa: S311 -- a sample, not a secret
    columns = {name: [value_at(axis, place) for place in _slices(count, chance)] for name, axis in space.axes().items()}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _slices(count: int, chance: random.Random) -> list[float]:
    places = [(index + chance.random()) / count for index in range(count)]
    chance.shuffle(places)
    return places


def value_at(axis: Axis, place: float) -> Any:
    """The value below which a share `place` (0 <= place < 1) of Optuna's proposals lies."""
    if isinstance(axis, Choices):
        return plain_value(axis.choices[int(place * len(axis.choices))])
    if isinstance(axis, IntRange):
        return _int_at(axis, place)
    return min(axis.high, max(axis.low, _float_at(axis, place)))  # rounding may lead a hair beyond


def _float_at(axis: FloatRange, place: float) -> float:
    if axis.log:
        return math.exp(math.log(axis.low) + place * math.log(axis.high / axis.low))
    if axis.step is not None:
        steps = math.floor((axis.high - axis.low) / axis.step + 1e-9) + 1
        return axis.low + axis.step * int(place * steps)
    return axis.low + place * (axis.high - axis.low)


def _int_at(axis: IntRange, place: float) -> int:
    if axis.log:
        # As Optuna's samplers do it: half a step wider at both ends, then rounded.
        low, high = math.log(axis.low - 0.5), math.log(axis.high + 0.5)
        return min(axis.high, max(axis.low, round(math.exp(low + place * (high - low)))))
    steps = (axis.high - axis.low) // axis.step + 1
    return axis.low + axis.step * int(place * steps)


def ends(space: Space) -> Mapping[str, tuple[Any, ...]]:
    """Parameter -> both ends of its range, or every choice."""
    return {name: tuple(plain_value(value) for value in extremes(axis)) for name, axis in space.axes().items()}


def plain_value(value: Any) -> Any:
    """A choice as the scalar that Optuna stores."""
    return value.value if isinstance(value, Enum) else value
