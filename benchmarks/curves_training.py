"""One training of full length whose adapters are kept at the rungs, and the same adapters over a clean base.

Owns the trainer, the callback and the validation loss. Every stage loads the base anew: PEFT's merge rounds a weight, and
bitsandbytes repacks nf4 weights for good when they are first used without gradients, so a base that has written suites is
no longer the one a training starts from. Loading takes 0.3 to 2 s.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from curves_clock import NOTHING, Seconds, Stopwatch
from curves_problem import RUNG_STEPS, TRAIN_SEED
from transformers import PrinterCallback, TrainerCallback, TrainerControl, TrainerState, TrainingArguments, set_seed
from transformers.trainer_callback import ProgressCallback

from harness.core.params import Quantization
from harness.trial.adapters import load_to_continue, restore, save_adapter, settle_adapters
from harness.trial.base import Base, load_base
from harness.trial.callbacks import StopCallback
from harness.trial.completion_trainer import CompletionTrainer
from harness.trial.events import EventWriter
from harness.trial.examples import Wording
from harness.trial.process import Interruption
from harness.trial.readings import memory_peak, sha256_file
from harness.trial.spec import TrialSpec
from harness.trial.stability import LossGuard
from harness.trial.train_data import open_train_data
from harness.trial.training import Training, lora_config, sft_config, total_steps, warmup_steps

_KEPT = ("loss", "grad_norm", "learning_rate")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state at a rung.

    Attributes:
        steps: Optimizer steps done.
        adapter: Folder of the adapter.
        sha256: Of its weights.
        train: Seconds of training since the rung before.
    """

    steps: int
    adapter: Path
    sha256: str
    train: Seconds


@dataclass(slots=True)
class Curve:
    """What one training leaves.

    Attributes:
        logs: One mapping a step: ``step``, ``loss``, ``grad_norm``, ``learning_rate``.
        snapshots: One per rung that was reached.
        diverged: Why and where training was stopped, or None.
        stopped_at: Optimizer steps done.
        load: Of the base.
        behind: Training behind the last rung that was reached.
        peak_rss_bytes: Largest resident size up to here.
    """

    logs: list[dict[str, float]] = field(default_factory=list)
    snapshots: list[Snapshot] = field(default_factory=list)
    diverged: str | None = None
    stopped_at: int = 0
    load: Seconds = NOTHING
    behind: Seconds = NOTHING
    peak_rss_bytes: float = 0.0


class RungCallback(TrainerCallback):  # type: ignore[misc]
    """Keeps the adapter at every rung, and what is logged.

    Args:
        curve: Written to.
        folder: Of the adapters.
        named: The base's public id and the prompt, written beside the weights.
    """

    def __init__(self, curve: Curve, folder: Path, named: tuple[str, Wording]) -> None:
        self._curve = curve
        self._folder = folder
        self._named = named
        self._watch = Stopwatch()

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Start the clock."""
        self._watch = Stopwatch()

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, logs: dict[str, float], **_: Any
    ) -> None:
        """Keep a step's figures."""
        if "loss" in logs:
            self._curve.logs.append({"step": state.global_step, **{name: float(logs[name]) for name in _KEPT if name in logs}})

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, model: Any = None, **_: Any
    ) -> None:
        """Save the adapter, with the clock stopped."""
        self._curve.stopped_at = state.global_step
        if state.global_step not in RUNG_STEPS:
            return
        seconds = self._watch.read()
        folder = self._folder / f"step-{state.global_step}"
        weights = save_adapter(model, folder, *self._named)
        self._curve.snapshots.append(Snapshot(state.global_step, folder, sha256_file(weights), seconds))
        self._watch = Stopwatch()

    def on_train_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Count what lies behind the last rung."""
        self._curve.behind = self._watch.read()


def record_training(spec: TrialSpec, folder: Path, wording: Wording) -> Curve:
    """Train to the end or until it diverges; every rung's adapter is in `folder`.

    Raises:
        HarnessError: if no example fits.
    """
    base, load = open_base(spec)
    curve = Curve(load=load)
    keep = RungCallback(curve, folder, (spec.model.public_id, wording))
    assert spec.train is not None
    stop = StopCallback(LossGuard(warmup_steps(spec.train.params, spec.train.params.max_steps)), Interruption())
    trainer = _trainer(base, spec, folder, (keep, stop))
    trainer.train()
    curve.diverged = stop.diverged
    curve.peak_rss_bytes = memory_peak()["peak_rss_bytes"]
    return curve


def open_base(spec: TrialSpec) -> tuple[Base, Seconds]:
    """A fresh base, as a trial process of its own would load it; and what that took."""
    watch = Stopwatch()
    set_seed(spec.seed)
    return load_base(spec.model, Quantization(spec.model.quantization)), watch.read()


def validation_loss(base: Base, spec: TrialSpec, snapshot: Snapshot) -> tuple[Any, float]:
    """The model with a rung's adapter, and its loss on the validation split in nats a token."""
    trainer = _trainer(base, spec, snapshot.adapter.parent, (), snapshot.adapter)
    return trainer.model, float(trainer.evaluate()["eval_loss"])


def _trainer(
    base: Base, spec: TrialSpec, folder: Path, callbacks: tuple[TrainerCallback, ...], start: Path | None = None
) -> CompletionTrainer:
    """As `harness.trial.training` makes it, with other callbacks."""
    assert spec.train is not None
    with EventWriter(folder / "events.jsonl") as events:
        training = Training(spec.train, TRAIN_SEED, folder / "checkpoints", events, Interruption())
    data = open_train_data(base.tokenizer, spec.train, training.token_cache)
    trainer = CompletionTrainer(
        model=load_to_continue(base.model, str(start)) if start else base.model,
        args=sft_config(base, training, total_steps(spec.train.params, len(data.train))),
        train_dataset=data.train,
        eval_dataset=data.validation,
        processing_class=base.tokenizer,
        peft_config=None if start else lora_config(spec.train.params),
        callbacks=list(callbacks),
        loss_path=spec.train.loss_path,
    )
    trainer.remove_callback(PrinterCallback)
    trainer.remove_callback(ProgressCallback)
    settle_adapters(trainer.model, trainer.args.device)
    if start:
        restore(trainer.model, str(start))
    return trainer
