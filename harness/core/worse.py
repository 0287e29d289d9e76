"""Who at a rung is worse than others by more than chance and than what further training may still change. Pure.

Owns the comparison of pairs. Who is compared with whom is `harness.core.halving`'s, the test over functions is
`harness.core.paired`'s.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import islice, takewhile
from operator import ge
from statistics import NormalDist, stdev

from harness.core.paired import significantly_better
from harness.core.pareto import Direction, Point
from harness.core.rungs import RungScore

_PAIRS = 4
"""So few trials seen at a rung and at the top say how much scores still change in between."""


def drift(here: Sequence[RungScore], whole: Sequence[RungScore], confidence: float) -> tuple[float, ...]:
    """How far two trials may still move against each other between a rung and the top, per objective.

    ``t * sqrt(2) * sd``: the standard deviation of top minus rung over the trials seen at both, in which what all gain alike
    drops out, times the quantile of Student's distribution with as many degrees of freedom as such a standard deviation has.
    Infinite where fewer than four trials were seen at both: then nobody knows.

    Args:
        here: All scores at the rung; their number of values is that of the objectives.
        whole: All scores at the top, in any order.
        confidence: One-sided, 0.5 <= confidence < 1.
    """
    known = {score.trial: score.values for score in here if score.values}
    axes = len(next(iter(known.values()), ()))
    pairs = [(known[score.trial], score.values) for score in sorted(whole, key=lambda score: score.trial) if score.trial in known]
    if len(pairs) < _PAIRS:
        return (math.inf,) * axes
    times = math.sqrt(2) * student_quantile(confidence, len(pairs) - 1)
    return tuple(times * stdev(top[axis] - rung[axis] for rung, top in pairs) for axis in range(axes))


def student_quantile(p: float, degrees: int) -> float:
    """The quantile of Student's t distribution, within 2 % for three degrees of freedom and more and p up to 0.99.

    Source: Abramowitz and Stegun (1964), 26.7.5, three terms.
    """
    z = NormalDist().inv_cdf(p)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / degrees + second / degrees**2 + third / degrees**3


class Field:
    """The scores of a rung, compared by pairs; trials by their index.

    Clearly worse is who is dominated by two or more others, and in some objective the second best of these is better by the
    paired test over functions, and by more than `drift`. The second best, because the best of many owes a part of its place
    to luck. One comparison an objective: who is compared with each of many would lose to one of them by chance. Objectives
    that are not known per function count as exact.

    Args:
        scores: One of each trial.
        points: Their values, more is better; further axes count for who dominates whom, and are not tested.
        directions: Per objective.
        confidence: Of the paired test, one-sided.
        drift: Per objective, see `drift`; none counts as 0.
    """

    def __init__(
        self,
        scores: Sequence[RungScore],
        points: Sequence[Point],
        directions: Sequence[Direction],
        confidence: float,
        drift: Sequence[float] = (),
    ) -> None:
        self._scores, self._points, self._directions, self._confidence = scores, points, directions, confidence
        self._drift = tuple(drift) or (0.0,) * len(directions)
        self._columns: dict[int, list[tuple[float | None, ...]]] = {}

    def clearly_worse(self, inside: Sequence[int], outside: Sequence[int]) -> list[int]:
        """Those outside that are clearly worse than those inside."""
        by_axis = [sorted(inside, key=lambda i: self._points[i][axis], reverse=True) for axis in range(len(self._directions))]
        return [i for i in outside if any(self._loses(i, axis, best_first) for axis, best_first in enumerate(by_axis))]

    def _loses(self, trial: int, axis: int, best_first: Sequence[int]) -> bool:
        point = self._points[trial]
        better = takewhile(lambda i: self._points[i][axis] > point[axis], best_first)
        second = next(islice((i for i in better if all(map(ge, self._points[i], point))), 1, None), None)
        if second is None or self._points[second][axis] - point[axis] <= self._drift[axis]:
            return False
        ours, theirs = self._column(second, axis), self._column(trial, axis)
        if not ours or not theirs:
            return True
        if self._directions[axis] == "minimize":
            ours, theirs = theirs, ours
        return significantly_better(ours, theirs, self._confidence) is not False

    def _column(self, trial: int, axis: int) -> tuple[float | None, ...]:
        """The values of one objective per function; empty where nothing is known per function."""
        if trial not in self._columns:
            self._columns[trial] = list(zip(*self._scores[trial].per_function, strict=True))
        columns = self._columns[trial]
        return columns[axis] if columns else ()
