"""Whether one trial scores higher than another by more than chance, function by function. Pure.

Owns the paired test. Which trials are compared is `harness.core.halving`'s.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

_GRIDS = (240, 120, 60, 24, 12)
"""Steps of the largest difference's binade. Whole for twelfths, tenths and eighths: sums that are equal stay equal."""
_WORK_BITS = 1 << 19


def significantly_better(ours: Sequence[float | None], theirs: Sequence[float | None], confidence: float) -> bool | None:
    """Whether our values are higher over the same functions, one-sided.

    Args:
        ours: Per function; None where it was not measured. More is better.
        theirs: The same, in the same order of functions.
        confidence: 0.5 <= confidence < 1; ours are called better in at most 1 - `confidence` of the cases where the two
            do not differ.

    Returns:
        None where no function was measured on both sides.

    Raises:
        ValueError: if the lengths differ.
    """
    pairs = [(a, b) for a, b in zip(ours, theirs, strict=True) if a is not None and b is not None]
    if not pairs:
        return None
    return sign_flip_p([a - b for a, b in pairs]) <= 1 - confidence + 1e-12


def sign_flip_p(differences: Sequence[float]) -> float:
    """The share of all 2^n ways to turn the signs of the differences that reach their sum: an exact p-value, in (0, 1].

    Where two trials do not differ, each difference is as likely to have the other sign, whatever its distribution: no
    normality is assumed and ties cost power only. (A t-test over 12 to 20 differences that are mostly 0 and seldom 1 has no such
    promise.) Differences are first rounded to a grid that is the same for both signs, which keeps the promise, and the
    ways are counted for every sum at once, as the coefficients of the product of 1 + x^d; one long integer holds them all.
    About n^2 steps; 20 differences in less than 0.1 ms, 200 in a few.

    Args:
        differences: Ours minus theirs, shape ``(n_functions,)``, finite.

    Source: Fisher (1935), "The design of experiments", section 21; Pagano and Tritchler (1983), "On obtaining permutation
    distributions in polynomial time".
    """
    steps = _on_grid(differences)
    bits = len(steps) + 2  # of a count: the largest is 2^n
    ways = 1
    for step in steps:
        ways += ways << (abs(step) * bits)
    reaching = ways >> (sum(step for step in steps if step > 0) * bits)
    return (reaching % ((1 << bits) - 1)) / (1 << len(steps))  # the remainder is the sum of the counts


def _on_grid(differences: Sequence[float]) -> list[int]:
    """The differences that are not 0, in whole steps; the grid is the finest that keeps the count within its work."""
    largest = max(map(abs, differences), default=0.0)
    if largest == 0:
        return []
    binade = 2.0 ** math.frexp(largest)[1]
    grid = next((grid for grid in _GRIDS if grid * len(differences) ** 2 <= _WORK_BITS), _GRIDS[-1])
    return [step for step in (round(difference / binade * grid) for difference in differences) if step]
