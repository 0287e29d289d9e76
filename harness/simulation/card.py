"""A card that is not there: how much a trial would have used of it, and what it has room for."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable
from dataclasses import dataclass

from harness.simulation.curves import Settings


@dataclass(frozen=True, slots=True)
class SimulatedCard:
    """One device.

    Attributes:
        name: As a person knows it.
        budget_bytes: The most that all trials on it may take together.
        bias: Median of peak over estimate.
        spread: Standard deviation of the logarithm of peak over estimate. Seven real trials lay between 0.90 and 1.00
            (docs/memory.md).
        seed: Of the draws.
    """

    name: str
    budget_bytes: int
    bias: float = 0.95
    spread: float = 0.04
    seed: int = 0

    def peak(self, estimate_bytes: int, settings: Settings) -> int:
        """The peak of a trial, bytes; the same settings always need the same.

        Args:
            estimate_bytes: As the formula predicts it, before correction.
            settings: Effective settings.
        """
        draw = random.Random(f"peak {self.seed} {sorted((name, str(value)) for name, value in settings.items())}")  # noqa: S311
        return int(estimate_bytes * self.bias * math.exp(self.spread * draw.gauss(0, 1)))

    def has_room(self, needed_bytes: int | None, taken: Iterable[int | None]) -> bool:
        """Whether one more trial fits beside those that run.

        A trial whose need is unknown has the card to itself.

        Args:
            needed_bytes: Its predicted peak, or None.
            taken: The same of every running one.
        """
        others = list(taken)
        if not others:
            return True
        if needed_bytes is None or None in others:
            return False
        return needed_bytes + sum(n for n in others if n is not None) <= self.budget_bytes
