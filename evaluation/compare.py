"""Comparing two scorings on the same functions: paired difference, its interval, its p-value. Pure and seeded.

Does not decide: what is promoted or reported is up to the caller.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from evaluation.aggregate import RESAMPLES, block_sizes, bootstrap_interval

MIN_RESAMPLES = 10_000


@dataclass(frozen=True, slots=True)
class Difference:
    """How much one scoring is above another on the same functions.

    Attributes:
        mean: Mean of the per-function differences, in the unit of the values.
        low: Lower end of the 95 % interval of the mean.
        high: Upper end.
        p_value: Two-sided, in (0, 1]; see `paired_difference`.
        n: Functions compared.
        wins: Functions with a difference above 0.
        losses: Functions with a difference below 0.
        ties: Functions with equal values.
        p_adjusted: `p_value` after Holm's correction; None outside a family of comparisons.
        left_out: Functions that only one of the two scorings has; they are in no other figure.
    """

    mean: float
    low: float
    high: float
    p_value: float
    n: int
    wins: int
    losses: int
    ties: int
    p_adjusted: float | None = None
    left_out: int = 0


def paired_difference(a: Sequence[float], b: Sequence[float], seed: int, resamples: int = RESAMPLES) -> Difference:
    """Compare two scorings, function by function: ``a - b``, positive where `a` is better.

    The interval is the percentile bootstrap over functions: a function is drawn with both its values, so what makes it
    easy or hard for everyone cancels. Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13;
    Miller 2024 (arXiv 2411.00640) for pairing.

    The p-value is that of a sign-flip (paired randomisation) test of the mean: under the hypothesis that the two scorings
    are interchangeable on each function, every difference is as likely with the other sign, so
    ``p = (count + 1) / (resamples + 1)``, where ``count`` is the number of random sign patterns whose absolute mean is at
    least the observed one. It is never 0. Source: Fisher, The Design of Experiments (1935), section 21; Phipson and
    Smyth 2010 (arXiv 1603.05766) for the added ones. It was chosen because most functions tie: ties keep their 0 under
    every pattern and claim no evidence, there is no normal approximation, and the statistic is the mean that is reported,
    not ranks (Wilcoxon) or counts (sign test). With m functions that differ it cannot fall below about ``2 ** (1 - m)``,
    whereas a bootstrap p-value of three wins and no loss would be near 0.

    Args:
        a: One value per function.
        b: The values of the other scoring, same functions, same order.
        seed: Of the resampling.
        resamples: At least 10,000; both for the interval and the test.

    Raises:
        ValueError: if the lengths differ, there is no value, a value is not finite, or there are too few resamples.
    """
    if len(a) != len(b):
        raise ValueError(f"paired values need equal lengths, not {len(a)} and {len(b)}")
    if not a:
        raise ValueError("no values to compare")
    if resamples < MIN_RESAMPLES:
        raise ValueError(f"{resamples} resamples are too few, take at least {MIN_RESAMPLES}")
    differences = np.asarray(a, dtype=np.float64) - np.asarray(b, dtype=np.float64)
    if not np.isfinite(differences).all():
        raise ValueError("a value is not finite; leave out functions without a value")
    rng = np.random.default_rng(seed)
    mean = float(differences.mean())
    low, high = bootstrap_interval(differences, rng, resamples)
    wins, losses = int((differences > 0).sum()), int((differences < 0).sum())
    return Difference(
        mean=mean,
        low=min(low, mean),
        high=max(high, mean),
        p_value=_sign_flip(differences[differences != 0], rng, resamples),
        n=len(differences),
        wins=wins,
        losses=losses,
        ties=len(differences) - wins - losses,
    )


def _sign_flip(differences: NDArray[np.float64], rng: np.random.Generator, resamples: int) -> float:
    """Two-sided p-value of the sum of differences of shape ``(m,)``, none of them 0."""
    # Sums of the same numbers in another order differ in their last bits; the observed pattern must count as reached.
    reached = abs(float(differences.sum())) - 1e-12 * float(np.abs(differences).sum())
    count = 0
    for size in block_sizes(len(differences), resamples):
        kept = rng.integers(2, size=(size, len(differences)), dtype=np.int8)
        flipped = (2.0 * kept - 1.0) @ differences
        count += int((np.abs(flipped) >= reached).sum())
    return (count + 1) / (resamples + 1)


def lower_bound(differences: Sequence[float], confidence: float, seed: int, resamples: int = RESAMPLES) -> float:
    """The mean of per-function differences is at least this, one-sided: the percentile bootstrap over functions.

    Source: as the interval of `paired_difference`. Where few functions differ it promises too much: three wins and no loss
    put it above 0, whatever the confidence. A sign-flip test beside it does not.

    Args:
        differences: At least one, finite.
        confidence: One-sided, 0.5 <= confidence < 1.
        seed: Of the resampling.
        resamples: How many.
    """
    data = np.asarray(differences, dtype=np.float64)
    return bootstrap_interval(data, np.random.default_rng(seed), resamples, 2 * confidence - 1)[0]


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """P-values that may be compared with one level for the whole family, which then holds for any error among them.

    The i-th smallest of m, counted from 0, becomes the largest of ``(m - j) * p_j`` over ``j <= i``, at most 1.
    Source: Holm 1979, A Simple Sequentially Rejective Multiple Test Procedure, Scandinavian Journal of Statistics 6.

    Args:
        p_values: Name -> p-value.

    Returns:
        Name -> adjusted p-value, in the order given.

    Raises:
        ValueError: if a p-value is not in [0, 1].
    """
    wrong = sorted(name for name, value in p_values.items() if not 0 <= value <= 1)
    if wrong:
        raise ValueError(f"not a p-value between 0 and 1: {wrong}")
    adjusted, largest = dict(p_values), 0.0
    for rank, name in enumerate(sorted(p_values, key=lambda name: p_values[name])):
        largest = max(largest, (len(p_values) - rank) * p_values[name])
        adjusted[name] = min(1.0, largest)
    return adjusted


def compare_scores(base: Mapping[str, float], others: Mapping[str, Mapping[str, float]], seed: int) -> dict[str, Difference]:
    """Compare several scorings with one base, each on the functions it shares with the base.

    Args:
        base: Function id -> value.
        others: Name -> function id -> value. Together they are the family that Holm's correction covers.
        seed: Of the resampling; the same for every comparison.

    Returns:
        Name -> its difference from the base, positive where it is above the base, with `p_adjusted` and `left_out`.

    Raises:
        ValueError: if one shares no function with the base, or a value is not finite.
    """
    found = {name: _compare(name, base, values, seed) for name, values in others.items()}
    adjusted = holm({name: difference.p_value for name, difference in found.items()})
    return {name: replace(difference, p_adjusted=adjusted[name]) for name, difference in found.items()}


def _compare(name: str, base: Mapping[str, float], other: Mapping[str, float], seed: int) -> Difference:
    common = sorted(base.keys() & other.keys())
    if not common:
        raise ValueError(f"{name!r} shares no function with the base")
    difference = paired_difference([other[key] for key in common], [base[key] for key in common], seed)
    return replace(difference, left_out=len(base.keys() ^ other.keys()))
