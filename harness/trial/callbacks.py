"""What happens between training steps: events are streamed, divergence and SIGTERM end the loop."""

from __future__ import annotations

import time
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from harness.trial.events import Event, EventWriter
from harness.trial.process import Interruption
from harness.trial.readings import memory_now
from harness.trial.stability import LossGuard

_KEPT = ("loss", "learning_rate", "grad_norm", "eval_loss", "epoch")


class StreamCallback(TrainerCallback):  # type: ignore[misc]
    """Writes every logged step to events.jsonl, and the moment at which the first one begins.

    Args:
        events: Where to.
    """

    def __init__(self, events: EventWriter) -> None:
        self._events = events
        self._tokens = 0.0
        self._since = time.monotonic()
        self._begun = False

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Start the clock of tokens_per_s; a resumed training has counted some already."""
        self._tokens, self._since = float(state.num_input_tokens_seen), time.monotonic()

    def on_step_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Say that training begins, and where."""
        if not self._begun:
            self._begun = True
            self._events.write(Event("train", state.global_step, state.max_steps, time.time(), {}))

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, logs: dict[str, float], **_: Any
    ) -> None:
        """Write one event."""
        if not logs.keys() & {"loss", "eval_loss"}:  # the summary at the end; result.json has it
            return
        metrics = {name: float(logs[name]) for name in _KEPT if name in logs}
        phase = "eval" if "eval_loss" in logs else "train"
        if phase == "train":
            metrics |= self._rate(float(state.num_input_tokens_seen))
        metrics |= memory_now()
        self._events.write(Event(phase, state.global_step, state.max_steps, time.time(), metrics))

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Say that a checkpoint was written."""
        self._events.write(Event("save", state.global_step, state.max_steps, time.time(), {}))

    def _rate(self, tokens: float) -> dict[str, float]:
        """Tokens (padding left out) per second since the last call; transformers counts them from the start."""
        now = time.monotonic()
        rate = (tokens - self._tokens) / max(now - self._since, 1e-9)
        self._tokens, self._since = tokens, now
        return {"tokens_per_s": rate}


class StopCallback(TrainerCallback):  # type: ignore[misc]
    """Ends training when it diverges or when SIGTERM has come.

    Args:
        guard: The rule of divergence.
        interruption: The state of SIGTERM.

    Attributes:
        diverged: The reason, once it has happened.
    """

    def __init__(self, guard: LossGuard, interruption: Interruption) -> None:
        self._guard = guard
        self._interruption = interruption
        self.diverged: str | None = None

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, logs: dict[str, float], **_: Any
    ) -> None:
        """Judge a logged loss."""
        if "loss" not in logs:
            return
        self.diverged = self.diverged or self._guard.verdict(state.global_step, logs["loss"], logs.get("grad_norm"))
        control.should_training_stop |= self.diverged is not None

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """A step's end is where a checkpoint is whole."""
        if self._interruption.requested:
            control.should_training_stop = True
            control.should_save = args.save_strategy != "no"
