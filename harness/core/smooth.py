"""Whether a training loss fell smoothly. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

WINDOW = 5
SPIKE = 1.5


def spikes(losses: Sequence[float]) -> int:
    """How many losses lie more than half above the median of the five before them.

    Args:
        losses: In the order of the steps, in nats; the first five are not judged.
    """
    return sum(loss > SPIKE * median(losses[at - WINDOW : at]) for at, loss in enumerate(losses) if at >= WINDOW)
