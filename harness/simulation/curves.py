"""What a learning curve answers: how good some settings are after a share of the training, and how long that takes.

Owns the protocol and its values. Recorded curves are `harness.simulation.table`'s, made-up ones `harness.simulation.synthetic`'s.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from harness.core.rungs import Rung

Settings = Mapping[str, Any]
"""Effective settings by name, such as `TrialParams.to_dict()` or a sampler's proposal."""

Column = tuple[float | None, ...]
"""One figure for every function of a rung; None where the figure is not defined."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What is known about some settings at a rung.

    Attributes:
        metrics: Scalars by name, means over the rung's functions; a metric that was not measured is absent.
        columns: Figure -> its value for every function of the rung.
        eval_loss: Validation loss, nats a token; None where none was measured.
        diverged: Why and where training was stopped; None where it was not. Then nothing else is known.
    """

    metrics: Mapping[str, float]
    columns: Mapping[str, Column]
    eval_loss: float | None = None
    diverged: str | None = None


@dataclass(frozen=True, slots=True)
class Stages:
    """Seconds of one segment, stage by stage."""

    load: float = 0.0
    train: float = 0.0
    eval: float = 0.0
    generate: float = 0.0
    score: float = 0.0

    @property
    def total(self) -> float:
        """All stages in turn."""
        return self.load + self.train + self.eval + self.generate + self.score


class Curves(Protocol):
    """Learning curves over a search space."""

    @property
    def total_steps(self) -> int:
        """Optimizer steps of a whole training."""
        ...

    @property
    def functions(self) -> int:
        """Validation functions at the full rung."""
        ...

    @property
    def figures(self) -> tuple[str, ...]:
        """Figures that are known function by function."""
        ...

    def read(self, settings: Settings, share: Rung) -> Reading:
        """What training these settings for a share comes to; the same answer every time."""
        ...

    def stages(self, settings: Settings, done: float, share: Rung) -> Stages:
        """Seconds from one share of the training to another, and of measuring there.

        Args:
            settings: Effective settings.
            done: Share that was trained before, 0 for a new trial.
            share: Where to, and on how many functions.
        """
        ...


def means(columns: Mapping[str, Column]) -> dict[str, float]:
    """Mean of every figure over the functions it is defined for, with ``_low``, ``_high`` (95 %) and ``_n`` beside it.

    The interval is the normal one, kept within 0-1: a simulation needs its width, not its last digit; a real sweep's comes
    from a bootstrap (`evaluation.aggregate`).
    """
    found: dict[str, float] = {}
    for name, column in columns.items():
        values = [value for value in column if value is not None]
        if values:
            mean = sum(values) / len(values)
            half = 1.96 * _standard_error(values, mean)
            low, high = max(0.0, mean - half), min(1.0, mean + half)
            found |= {name: mean, f"{name}_low": low, f"{name}_high": high, f"{name}_n": float(len(values))}
    return found


def _standard_error(values: Sequence[float], mean: float) -> float:
    if len(values) < 2:
        return 0.0
    return math.sqrt(sum((v - mean) ** 2 for v in values) / (len(values) - 1) / len(values))
