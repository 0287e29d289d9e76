"""What the loop hands out and gets back: segments of trials, and whoever carries them out.

Owns the protocol. Real workers are `harness.sweep.crew_local`'s, simulated ones `harness.sweep.crew_simulated`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from harness.core.outcome import Outcome
from harness.core.rungs import Rung, RungScore
from harness.sweep.gate import Judged


@dataclass(frozen=True, slots=True)
class Segment:
    """A trial's work from one rung to the next.

    Attributes:
        number: Optuna's trial number.
        label: On the screen, in MLflow and as the folder's name, e.g. ``trial 3``.
        rung: Index of the rung it leads to.
        share: What that rung gives.
        judged: Its way through the memory guard; holds the effective settings.
        seed: Of adapter, data order and dropout.
        run_id: Its MLflow run.
        last: Whether the rung is the full one.
        before: Scalars of the trial when it was paused at the rung below.
        exclusive: It wants a device to itself: sharing one went wrong before.
    """

    number: int
    label: str
    rung: int
    share: Rung
    judged: Judged
    seed: int
    run_id: str
    last: bool = True
    before: Mapping[str, float] = field(default_factory=dict)
    exclusive: bool = False

    @property
    def needed_bytes(self) -> int | None:
        """Predicted peak; None where nothing is predicted, and where it wants a device to itself."""
        if self.exclusive:
            return None
        return self.judged.corrected.total_bytes if self.judged.corrected else None


@dataclass(frozen=True, slots=True)
class Finished:
    """A segment that has ended.

    Attributes:
        segment: Which.
        outcome: COMPLETED when it was trained, generated and scored; else how the trial ended. Metrics so far in either case.
        score: What the trial is worth at the rung; None unless the outcome is COMPLETED.
        duration_s: Wall seconds from start to the end of its scoring (virtual seconds in a simulation).
        train_steps: Optimizer steps that this segment did.
    """

    segment: Segment
    outcome: Outcome
    score: RungScore | None
    duration_s: float
    train_steps: int = 0


class Crew(Protocol):
    """Carries segments out, several at once where there is room. Calls come from one thread."""

    def now(self) -> float:
        """Seconds on a clock that never goes back; virtual in a simulation."""
        ...

    def room(self, needed_bytes: int | None) -> bool:
        """Whether a segment with this predicted peak could start now, within the budget of some device."""
        ...

    def start(self, segment: Segment) -> None:
        """Begin a segment; there is `room` for it.

        Raises:
            HarnessError: it cannot be begun at all.
        """
        ...

    def wait(self, seconds: float) -> list[Finished]:
        """Wait until a segment ends, at most so long; tells the view and MLflow what goes on meanwhile.

        Raises:
            HarnessError: nothing can work any more: device lost, scorer broken, no room within `guard.wait_s`.
        """
        ...

    def running(self) -> tuple[Segment, ...]:
        """Segments under way, scoring included."""
        ...

    def status(self) -> Mapping[int, Mapping[str, Any]]:
        """How each running trial stands: ``rung``, ``phase``, ``step``, ``total``, ``used_bytes``, ``eta_s``."""
        ...

    def stop(self, number: int, reason: str) -> None:
        """End one trial's segment; it comes back from `wait` as INTERRUPTED with this reason."""
        ...

    def close(self) -> None:
        """End everything; harmless when repeated."""
        ...
