"""How much the figures of a promoted adapter flatter it, because they are the ones that promoted it. Pure.

Only what came out lucky on the test functions passes a test on them. For a mean difference d of n functions with standard error s
that passes where d > z s, the expected excess over its true value D is s phi(a) / (1 - Phi(a)) with a = z - D / s (the mean of a
truncated normal); D is not known, d stands for it. A metric gets of that excess what goes with the difference: the slope of its
figures on the differences, cov / var.

Source: the mean of a truncated normal, Johnson, Kotz and Balakrishnan, "Continuous Univariate Distributions 1", chapter 13. With
d for D it takes off too little from what passed by chance alone, and hardly anything from what passed by far; solving for D
takes off too much where most promotions are earned.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist, fmean

from harness.core.gain import Measure, differences

_FAR = 8.0
"""Standard errors beyond which the tail is not computed but taken by its limit."""


def flattery(ours: Measure, theirs: Measure, scale: Mapping[str, float], confidence: float) -> dict[str, float]:
    """Metric -> how much higher it is expected to be than it truly is, after a promotion by `harness.core.gain.decide`.

    Args:
        ours: The promoted one, on the functions that it was promoted by.
        theirs: What it was compared with.
        scale: From `gain.scale_of`.
        confidence: One-sided, of the test that it passed.

    Returns:
        In the unit of each metric, for those with figures of single functions; empty where fewer than 2 functions differ.
    """
    gained = differences(ours, theirs, scale)
    spread = _covariance(gained, gained) if len(gained) > 1 else 0.0
    if spread <= 0:
        return {}
    error = math.sqrt(spread / len(gained))
    excess = error * _hazard(NormalDist().inv_cdf(confidence) - fmean(gained) / error)
    both = sorted(ours.functions.keys() & theirs.functions.keys())
    names = sorted({name for key in both for name in ours.functions[key]})
    return {name: excess * _slope([ours.functions[key].get(name) for key in both], gained) for name in names}


def _slope(figures: Sequence[float | None], gained: Sequence[float]) -> float:
    """Of a metric on the differences; a function for which it is not defined says nothing."""
    pairs = [(figure, gain) for figure, gain in zip(figures, gained, strict=True) if figure is not None]
    spread = _covariance([gain for _, gain in pairs], [gain for _, gain in pairs]) if len(pairs) > 1 else 0.0
    return _covariance([figure for figure, _ in pairs], [gain for _, gain in pairs]) / spread if spread > 0 else 0.0


def _covariance(left: Sequence[float], right: Sequence[float]) -> float:
    middles = fmean(left), fmean(right)
    return sum((a - middles[0]) * (b - middles[1]) for a, b in zip(left, right, strict=True)) / (len(left) - 1)


def _hazard(at: float) -> float:
    """Density of the standard normal over its upper tail; for large values the value itself."""
    return at if at > _FAR else NormalDist().pdf(at) / (1 - NormalDist().cdf(at))
