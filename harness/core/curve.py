"""The memory of one trial over its life, as the watchdog saw it: values for plots and for the record. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One look.

    Attributes:
        seconds: Since the trial process started.
        used_bytes: What the trial took.
        free_bytes: What anyone could still take on the device.
    """

    seconds: float
    used_bytes: int
    free_bytes: int
