"""What a simulated sweep is given: a space, a card, a true peak, an estimate that is not it, and a quality. Only values.

The two problems are `admission_toy` and `admission_card`; `admission_loops` runs them.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from optuna.distributions import BaseDistribution

from harness.core.admission import Adapt, Admit, Budget, Reject
from harness.core.memory import MemoryEstimate
from harness.core.pareto import Direction

GIB = 1 << 30
Proposal = Mapping[str, Any]
Settings = Any  # what a problem makes of a proposal: its own business


@dataclass(frozen=True, slots=True)
class Problem:
    """One simulated sweep on one card.

    Attributes:
        distributions: Searched parameter -> Optuna's distribution.
        directions: Of the values that `quality` gives; the first is the one whose best is compared.
        reference: Reference point of the hypervolume, in the units of `quality`.
        first: The settings that every loop tries first, as a sweep tries its file's own settings.
        capacity_bytes: What the card can give; a launch that needs more runs out of memory.
        settings: Of a proposal.
        group: Under which name its peak is learned from.
        truth: (settings, launch number) -> true peak; the launch number seeds what differs between equal launches.
        estimate: The prediction, before any learning.
        quality: What a launch that fits is worth.
        adapt: Makes settings smaller until a judge admits them; None where the problem has no such way.
    """

    distributions: Mapping[str, BaseDistribution]
    directions: tuple[Direction, ...]
    reference: Sequence[float]
    first: Proposal
    capacity_bytes: int
    settings: Callable[[Proposal], Settings]
    group: Callable[[Settings], str]
    truth: Callable[[Settings, int], int]
    estimate: Callable[[Settings], MemoryEstimate]
    quality: Callable[[Proposal], tuple[float, ...]]
    adapt: Callable[[Settings, Callable[[Settings], Admit | Reject]], Adapt | Reject] | None = None

    def budget(self, share: float) -> Budget:
        """A share of the card."""
        return Budget(int(share * self.capacity_bytes), self.capacity_bytes, f"{share:g} of the card")


def seeded(*names: object) -> random.Random:
    """Random numbers that depend on the names alone."""
    return random.Random("/".join(map(str, names)))
