"""What a study has seen, as values: the only thing a proposal is made from.

Owns the value and its form as JSON. Reading it from the store is the ledger's; what it teaches is
`harness.study.rung_model`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self


class PastState(StrEnum):
    """How a trial stands."""

    COMPLETE = "complete"
    """Measured at full fidelity; its last rung holds the values."""
    PAUSED = "paused"
    """Between two rungs: it may be promoted or cut."""
    CUT = "cut"
    """Ended at a rung because it was clearly worse."""
    INFEASIBLE = "infeasible"
    """Ruled out by a constraint: memory, divergence, time."""
    RUNNING = "running"
    """Being worked on; it may have rungs behind it."""
    FAILED = "failed"
    """Broken infrastructure or interrupted; says nothing about its settings."""


@dataclass(frozen=True, slots=True)
class Past:
    """One trial that exists.

    Attributes:
        number: Optuna's trial number.
        params: Searched parameter -> value, as Optuna gives it back. Some may be missing, others may have left the space.
        state: How it stands.
        rungs: Objective values at every rung, in the objectives' own units and directions; index = rung. None where a rung
            was passed without scores. Shape ``(n_rungs_reached, n_objectives)``.
        constraints: Key -> value; positive is violated.
        losses: Validation loss at every rung, nats a token; None where none was measured. Shape ``(n_rungs_reached,)``, or
            empty where nothing is known of any.
    """

    number: int
    params: Mapping[str, Any]
    state: PastState
    rungs: tuple[tuple[float, ...] | None, ...] = ()
    constraints: Mapping[str, float] = field(default_factory=dict)
    losses: tuple[float | None, ...] = ()

    def loss(self, rung: int) -> float | None:
        """Validation loss at a rung; None where it was not reached or none was measured."""
        return self.losses[rung] if rung < len(self.losses) else None

    @property
    def reached(self) -> int | None:
        """The highest rung with values; None before the first."""
        return max((rung for rung, values in enumerate(self.rungs) if values is not None), default=None)

    @property
    def violation(self) -> float:
        """Sum of the violated constraints; 0 where all are kept."""
        return sum(value for value in self.constraints.values() if value > 0)

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready data."""
        rungs = [None if values is None else list(values) for values in self.rungs]
        return {
            "number": self.number,
            "params": dict(self.params),
            "state": self.state.value,
            "rungs": rungs,
            "constraints": dict(self.constraints),
            "losses": list(self.losses),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_dict` gave.

        Raises:
            KeyError: if a field is missing.
            ValueError: if the state is unknown.
        """
        rungs = tuple(None if values is None else tuple(values) for values in data["rungs"])
        losses = tuple(data["losses"])
        return cls(data["number"], data["params"], PastState(data["state"]), rungs, data["constraints"], losses)
