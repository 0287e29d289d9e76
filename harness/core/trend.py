"""Where a few noisy readings are heading. Pure.

Owns the robust line through a short window; what a trend means for a trial is `harness.core.watchdog`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Trend:
    """A straight line through a window of readings.

    Attributes:
        slope: Units a second; above 0 rises.
        noise: Largest distance of a reading from the line.
        change: Rise of the line over the window.
    """

    slope: float
    noise: float
    change: float

    def clear(self, ratio: float) -> bool:
        """Whether the line rises by at least `ratio` times its noise: a ramp does, a spike, a step or noise does not."""
        return self.slope > 0 and self.change >= ratio * self.noise


def trend(seconds: Sequence[float], values: Sequence[float]) -> Trend:
    """The Theil-Sen line: the median of the slopes of all pairs, which up to 29 % of wild readings cannot move.

    Args:
        seconds: Strictly rising, `(n,)` with n at least 2.
        values: `(n,)`.

    Raises:
        ValueError: if there are fewer than two readings.

    Source: Sen, Estimates of the regression coefficient based on Kendall's tau, JASA 63, 1968.
    """
    if len(values) < 2:
        msg = f"a trend needs two readings, got {len(values)}"
        raise ValueError(msg)
    pairs = [
        (later - value) / (then - second)
        for index, (second, value) in enumerate(zip(seconds, values, strict=True))
        for then, later in zip(seconds[index + 1 :], values[index + 1 :], strict=True)
    ]
    slope = median(pairs)
    rests = [value - slope * second for second, value in zip(seconds, values, strict=True)]
    level = median(rests)
    return Trend(slope, max(abs(rest - level) for rest in rests), slope * (seconds[-1] - seconds[0]))
