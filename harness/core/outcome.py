"""How a trial ended: completed, pruned or failed, always with a reason; and the constraints told to Optuna."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Ending(StrEnum):
    """The kinds of end; the last three are not results of the configuration itself."""

    COMPLETED = "completed"
    PRUNED_MEMORY = "pruned:memory"
    PRUNED_UNSTABLE = "pruned:unstable"
    PRUNED_TIMEOUT = "pruned:timeout"
    PRUNED_RUNG = "pruned:rung"
    STOPPED = "stopped"
    FAILED = "failed:infrastructure"
    INTERRUPTED = "interrupted"


CONSTRAINT_KEYS = ("memory", "stability", "rung")
"""Every told trial carries exactly these keys; a value <= 0 is feasible (GPSampler raises if keys differ)."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of one trial.

    Attributes:
        ending: What happened.
        reason: One line for a person; never empty.
        metrics: Every scalar known at the end, by name. A metric that was not measured is absent.
        memory_constraint: peak / budget - 1, observed where there is an observation, else predicted.
        stability_constraint: positive when the run diverged, at most 0 otherwise.
        rung_constraint: positive when the trial was cut at a rung, at most 0 otherwise.
    """

    ending: Ending
    reason: str
    metrics: Mapping[str, float] = field(default_factory=dict)
    memory_constraint: float = 0.0
    stability_constraint: float = -1.0
    rung_constraint: float = -1.0

    def constraints(self) -> dict[str, float]:
        """Key -> value, one write each, for `optuna.Trial.set_constraint`."""
        told = (self.memory_constraint, self.stability_constraint, self.rung_constraint)
        return dict(zip(CONSTRAINT_KEYS, told, strict=True))
