"""Pausing a training at a step, and what of its state transformers does not keep.

transformers saves weights, optimizer, schedule, random numbers and position. Here are the losses that are not logged yet, the
seconds so far, the start that `LossGuard` compares with, and the patience that is used up: noted in every checkpoint, so that
a training in several processes logs, stops and reports what an uninterrupted one does.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from transformers import EarlyStoppingCallback, TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_callback import ExportableState

from harness.trial.checkpoints import Checkpoint
from harness.trial.stability import LossGuard


@dataclass(frozen=True, slots=True)
class Pause:
    """Where a training is to stop.

    Attributes:
        at: Optimizer step.
        saving: Whether a checkpoint is left there, or where patience ended before.
    """

    at: int
    saving: bool


class PauseCallback(TrainerCallback, ExportableState):  # type: ignore[misc]
    """Ends training at a step, and carries what is said above from checkpoint to checkpoint.

    Has to stand behind `early`, whose counter it reads.

    Args:
        pause: Where to stop.
        guard: The rule of divergence.
        early: The rule of patience; None where there is none.

    Attributes:
        trainer: Set before training: a `CompletionTrainer`.
    """

    def __init__(self, pause: Pause, guard: LossGuard, early: EarlyStoppingCallback | None) -> None:
        self.trainer: Any = None
        self._pause = pause
        self._guard = guard
        self._early = early
        self._before: Mapping[str, Any] = {}
        self._began: float | None = None
        self._ended: float | None = None

    def take_up(self, checkpoint: Checkpoint) -> bool:
        """Go on from a checkpoint; True where there is nothing left to train."""
        self._before = checkpoint.callback(type(self).__name__)
        self._guard.take_up(self._before.get("first_losses", ()))
        if self._early is not None:
            noted = checkpoint.callback(type(self._early).__name__)
            self._early.early_stopping_patience_counter = int(noted.get("early_stopping_patience_counter", 0))
        return checkpoint.step >= self._pause.at or self._out_of_patience

    @property
    def saving(self) -> bool:
        """Whether a checkpoint is left where training stops."""
        return self._pause.saving

    @property
    def seconds(self) -> float:
        """Of training, since its first step, in whichever processes; checkpoints and evaluations under way included."""
        began = self._began if self._began is not None else 0.0
        ended = self._ended if self._ended is not None else time.monotonic()
        return float(self._before.get("seconds", 0.0)) + (ended - began if self._began is not None else 0.0)

    @property
    def losses(self) -> Mapping[str, Any]:
        """What `CompletionTrainer.losses` said when the checkpoint was written that this training goes on from."""
        return dict(self._before.get("losses", {}))

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Start the clock."""
        self._began = time.monotonic()
        if self._before:
            self.trainer.take_up_losses(self.losses)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Stop at the step."""
        if state.global_step >= self._pause.at:
            control.should_training_stop = True
            control.should_save |= self._pause.saving

    def on_evaluate(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Leave a checkpoint where patience ends, too: the next process must see that it has."""
        control.should_save |= self._pause.saving and self._out_of_patience

    def on_train_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Stop the clock."""
        self._ended = time.monotonic()

    def state(self) -> dict[str, Any]:
        """What goes into trainer_state.json."""
        if self._began is None:
            return {"args": {}, "attributes": {}}
        noted = {"seconds": self.seconds, "losses": self.trainer.losses(), "first_losses": self._guard.first_losses}
        return {"args": {}, "attributes": noted}

    @property
    def _out_of_patience(self) -> bool:
        early = self._early
        return early is not None and early.early_stopping_patience_counter >= early.early_stopping_patience
