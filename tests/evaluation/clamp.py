"""The small function that most scorer tests are about."""

from __future__ import annotations

from collections.abc import Callable

from evaluation import Report

CLAMP = '''def clamp(value, low, high):
    """Limit value to low..high."""
    below = low - value
    if below > 0:
        return value + below
    above = value - high
    if above > 0:
        return value - above
    return value
'''

Scorer = Callable[..., Report]
