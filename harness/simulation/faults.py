"""What goes wrong in a simulation, drawn beforehand: workers that die, workers that are slow."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """What befalls one attempt at a segment.

    Attributes:
        dies_at: Share of the segment at which its worker dies, 0-1; None where it lives.
        slower: How many times its seconds it takes.
    """

    dies_at: float | None = None
    slower: float = 1.0


NO_FAULT = Fault()


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """How often what goes wrong.

    Attributes:
        deaths: Share of the attempts whose worker dies, 0-1.
        slow: Share of the attempts that are slow, 0-1.
        slower: How many times as long those take.
        seed: Of the draws.
    """

    deaths: float = 0.0
    slow: float = 0.0
    slower: float = 10.0
    seed: int = 0

    def fault(self, trial: int, rung: int, attempt: int) -> Fault:
        """What befalls an attempt; a function of its arguments, so that a sweep taken up again meets the same."""
        if not self.deaths and not self.slow:
            return NO_FAULT
        draw = random.Random(f"fault {self.seed} {trial} {rung} {attempt}")  # noqa: S311
        dies = draw.uniform(0.05, 0.95) if draw.random() < self.deaths else None
        return Fault(dies, self.slower if draw.random() < self.slow else 1.0)
