"""A figure with its interval: what tables, model cards and JSON show."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measured:
    """A mean with its 95 % interval, in the metric's own unit; `low` and `high` are None where no interval is known."""

    value: float
    low: float | None = None
    high: float | None = None
