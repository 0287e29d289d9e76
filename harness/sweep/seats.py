"""Which trial process is free, and on which device there is room for one more trial.

Owns what runs where and what memory is promised to it. A process that waits for its suites to be scored is free again; the rule
of placing is `harness.core.placement`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.core.placement import Load, place

Base = tuple[str, int]
"""Quantization and offloaded layers: what a process has to load anew."""


@dataclass(frozen=True, slots=True)
class _Taken:
    """A process at work: which one, and the peak that is predicted in bytes, None where nothing is."""

    seat: int
    needed_bytes: int | None


class Seats:
    """Trial processes by their index.

    Args:
        devices: The device of each process.
        budget_bytes: Of every device.
    """

    def __init__(self, devices: Sequence[int], budget_bytes: int) -> None:
        self._devices = tuple(devices)
        self._budget = budget_bytes
        self._taken: dict[int, _Taken] = {}
        self._bases: dict[int, Base] = {}

    def find(self, needed_bytes: int | None, base: Base | None = None) -> int | None:
        """A free process on a device with room, one that holds the base where there is a choice; None without room."""
        busy = {taken.seat for taken in self._taken.values()}
        free = [seat for seat in range(len(self._devices)) if seat not in busy]
        devices = sorted({self._devices[seat] for seat in free})
        chosen = place(needed_bytes, [Load(self._budget, self.reserved(device)) for device in devices])
        if chosen is None:
            return None
        there = [seat for seat in free if self._devices[seat] == devices[chosen]]
        return next((seat for seat in there if base is not None and self._bases.get(seat) == base), there[0])

    def take(self, number: int, seat: int, needed_bytes: int | None, base: Base) -> None:
        """A trial runs in a process from now on, on a base."""
        self._taken[number] = _Taken(seat, needed_bytes)
        self._bases[seat] = base

    def leave(self, number: int) -> None:
        """A trial's process is done with it; harmless when repeated."""
        self._taken.pop(number, None)

    def reserved(self, device: int) -> tuple[int, ...]:
        """Predicted peaks of what runs on a device; the whole budget for what has no prediction."""
        on = [taken for taken in self._taken.values() if self._devices[taken.seat] == device]
        return tuple(taken.needed_bytes or self._budget for taken in on)
