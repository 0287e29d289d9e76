"""The recorded configuration that stands for any other: its nearest neighbour in the unit cube of the space.

Source: the surrogates that Syne Tune lays over a table of recorded trials (Salinas et al. 2022, "Syne Tune: A Library for
Large Scale Hyperparameter Tuning and Reproducible Research"), here with one neighbour.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from harness.simulation.curves import Settings


class Nearest:
    """Looks up the nearest of some settings.

    Numbers are scaled to 0-1 over their axis, logarithmically where the axis says so, and clipped to it. Settings with the
    same categories come first, whatever their distance; ties go to the one that was recorded first.

    Args:
        space: Axis -> ``low``, ``high``, ``log``, or ``choices``.
        known: The settings to choose from, at least one; each has a value on every axis.

    Raises:
        ValueError: if nothing is known, or a value is missing.
    """

    def __init__(self, space: Mapping[str, Mapping[str, Any]], known: Sequence[Settings]) -> None:
        if not known:
            raise ValueError("there are no recorded settings to choose from")
        self._numbers = {name: axis for name, axis in space.items() if "choices" not in axis}
        self._categories = tuple(name for name in space if name not in self._numbers)
        missing = sorted({name for settings in known for name in space if name not in settings})
        if missing:
            raise ValueError(f"recorded settings lack {', '.join(missing)}")
        self._points = [(self._point(settings), self._kinds(settings)) for settings in known]

    def __call__(self, settings: Settings) -> int:
        """Index of the nearest; an axis that `settings` does not name does not count."""
        point, kinds = self._point(settings), self._kinds(settings)

        def far(index: int) -> tuple[int, float, int]:
            other, other_kinds = self._points[index]
            unlike = sum(a is not None and a != b for a, b in zip(kinds, other_kinds, strict=True))
            apart = sum((a - b) ** 2 for a, b in zip(point, other, strict=True) if a is not None and b is not None)
            return unlike, apart, index

        return min(range(len(self._points)), key=far)

    def _kinds(self, settings: Settings) -> tuple[str | None, ...]:
        return tuple(str(settings[name]) if name in settings else None for name in self._categories)

    def _point(self, settings: Settings) -> tuple[float | None, ...]:
        return tuple(_unit(axis, settings[name]) if name in settings else None for name, axis in self._numbers.items())


def _unit(axis: Mapping[str, Any], value: float) -> float:
    low, high = axis["low"], axis["high"]
    value = min(max(value, low), high)
    if axis.get("log"):
        low, high, value = math.log(low), math.log(high), math.log(value)
    return (value - low) / (high - low) if high > low else 0.0
