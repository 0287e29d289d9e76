"""Which parameters of a search space decide the peak: their share of its spread, and what each moves by itself. Pure.

Two views side by side, since each hides something: the share of the variance averages over the whole space and has no unit,
the swing from one end to the other is in bytes but holds the other parameters where trial 0 has them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import pvariance
from typing import Any

_BINS = 8


@dataclass(frozen=True, slots=True)
class Decider:
    """How much one parameter decides.

    Attributes:
        name: The parameter.
        variance_share: Of the estimate's variance over the space, what is explained by this parameter alone, 0-1.
        lowest: (value, peak in bytes) where the peak is smallest, with the others as in trial 0.
        highest: The same where it is largest.
    """

    name: str
    variance_share: float
    lowest: tuple[Any, int]
    highest: tuple[Any, int]


def variance_share(values: Sequence[Any], peaks: Sequence[int]) -> float:
    """The first-order Sobol index of one parameter: Var(E[peak | value]) / Var(peak), from given samples.

    Numbers with many values are sorted into `_BINS` bins of equal size; what bins of pure noise would explain is
    taken off (the adjusted correlation ratio).

    Args:
        values: Of the parameter, shape ``(n,)``; numbers, or anything hashable.
        peaks: Estimates in bytes, shape ``(n,)``.

    Source: Plischke, Borgonovo, Smith (2013), 10.1016/j.ejor.2012.11.047, section 3 (given-data estimation); Kelley (1935),
        10.1073/pnas.21.9.554 (the adjustment).
    """
    total = pvariance(peaks) if len(peaks) > 1 else 0.0
    if total == 0:
        return 0.0
    bins = _binned(values)
    groups: dict[int, list[int]] = defaultdict(list)
    for place, peak in zip(bins, peaks, strict=True):
        groups[place].append(peak)
    count, used = len(peaks), len(groups)
    if count <= used or used == 1:
        return 0.0
    within = sum(pvariance(group) * len(group) for group in groups.values()) / (count - used)
    return min(1.0, max(0.0, 1 - within / (total * count / (count - 1))))


def _binned(values: Sequence[Any]) -> list[int]:
    """The group of each value: the value itself when there are few, else its octile."""
    distinct = sorted(set(values), key=lambda value: (str(type(value)), value))
    if len(distinct) <= _BINS:
        return [distinct.index(value) for value in values]
    ranks = {value: place for place, value in enumerate(sorted(values))}
    return [ranks[value] * _BINS // len(values) for value in values]


def deciders(
    proposals: Sequence[Mapping[str, Any]], peaks: Sequence[int], ends: Mapping[str, Sequence[tuple[Any, int]]]
) -> tuple[Decider, ...]:
    """Which parameters decide, the most deciding first; those that change nothing are left out.

    Args:
        proposals: Drawn from the space.
        peaks: Their estimates in bytes.
        ends: Parameter -> (value, peak in bytes) at its extremes, the others as in trial 0.
    """
    found = []
    for name, points in ends.items():
        explained = variance_share([proposal[name] for proposal in proposals], peaks)
        lowest, highest = min(points, key=lambda p: p[1]), max(points, key=lambda p: p[1])
        if lowest[1] != highest[1]:
            found.append(Decider(name, explained, lowest, highest))
    return tuple(sorted(found, key=lambda d: (-d.variance_share, d.lowest[1] - d.highest[1])))
