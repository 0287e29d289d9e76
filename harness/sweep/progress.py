"""What a running trial process streams, carried to MLflow and to the screen."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from harness.console.view import TrialProgress
from harness.core.sample import MemorySample
from harness.sweep.workplace import Workplace
from harness.trial.events import Event, EventReader
from harness.trial.trial_dir import TrialDir


@dataclass(frozen=True, slots=True)
class Followed:
    """A process to follow.

    Attributes:
        label: Its name on the screen.
        run_id: MLflow run that its stream is forwarded to.
        folder: Its folder; what stands in its stream already is passed over.
        rung: Index of the rung it is on its way to; None for what climbs none.
        rungs: Rungs of the sweep, the full one included; 0 where there is no other.
    """

    label: str
    run_id: str
    folder: TrialDir
    rung: int | None = None
    rungs: int = 0


class Follower:
    """Follows one process. Calls come from one thread, a few times a second.

    Args:
        work: The sweep.
        followed: The process.
        on_way: Index of the rung that it is on its way to, and the number of rungs; None for what climbs none.

    Attributes:
        tokens_per_s: As it reported last; None before the first.
        last: The latest event.
    """

    def __init__(self, work: Workplace, followed: Followed) -> None:
        self._work = work
        self._followed = followed
        self._reader = EventReader(followed.folder.events_file)
        list(self._reader.new())
        self._loss: float | None = None
        self._phase_began = self._heard = time.monotonic()
        self._phase_from = 0  # a training that goes on from a checkpoint begins with an event without metrics at its step
        self.last = Event("load", 0, 0, 0.0)
        self.tokens_per_s: float | None = None

    def follow(self, sample: MemorySample | None) -> None:
        """Forward whatever is new, and show where it stands.

        Args:
            sample: The latest look at its memory; None shows nothing.
        """
        events = list(self._reader.new())
        if events:
            self._heard = time.monotonic()
        for event in events:
            if event.phase != self.last.phase:
                self._phase_began, self._phase_from = time.monotonic(), event.step if not event.metrics else 0
            self.last = event
            self._loss = event.metrics.get("loss", self._loss)
            self.tokens_per_s = event.metrics.get("tokens_per_s", self.tokens_per_s)
        self._work.tracker.log_events(self._followed.run_id, events)
        if sample is not None:
            self._work.view.trial_progress(self._progress(sample))

    def status(self, sample: MemorySample | None) -> dict[str, Any]:
        """Where it stands, for `harness status`."""
        used = sample.used_bytes if sample else None
        stands = {"phase": self.last.phase, "step": self.last.step, "total": self.last.total_steps}
        return {**stands, "used_bytes": used, "eta_s": self._eta()}

    def quiet_s(self) -> float:
        """Seconds since it said anything."""
        return time.monotonic() - self._heard

    def _progress(self, sample: MemorySample) -> TrialProgress:
        return TrialProgress(
            self._followed.label,
            self.last.phase,
            self.last.step,
            self.last.total_steps,
            self._loss,
            sample.used_bytes,
            self._work.materials.budget.bytes,
            self._eta(),
            self._followed.rung,
            self._followed.rungs,
        )

    def _eta(self) -> float | None:
        """Seconds until the phase ends, at its pace so far."""
        step, total = self.last.step, self.last.total_steps
        done = step - self._phase_from
        return (time.monotonic() - self._phase_began) / done * (total - step) if done > 0 and step < total else None
