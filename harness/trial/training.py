"""Trains one LoRA adapter over a loaded base with TRL's SFTTrainer: a fresh one, or one that was trained before.

Owns the translation of `TrialParams` into PEFT's, TRL's and transformers' settings: every one that matters is written
out, since their defaults differ between versions.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig
from transformers import EarlyStoppingCallback, PrinterCallback, TrainerCallback
from trl import SFTConfig

from harness.core.params import Quantization, TrialParams
from harness.core.rungs import steps_at
from harness.trial.adapters import load_to_continue, restore, settle_adapters
from harness.trial.base import Base
from harness.trial.callbacks import StopCallback, StreamCallback
from harness.trial.checkpoints import Checkpoint, any_kept, keep, newest
from harness.trial.completion_trainer import CompletionTrainer
from harness.trial.events import EventWriter
from harness.trial.nf4 import trainable_nf4
from harness.trial.packing import require_isolation
from harness.trial.pausing import Pause, PauseCallback
from harness.trial.process import Interruption
from harness.trial.spec import TrainSpec
from harness.trial.stability import DivergedError, LossGuard
from harness.trial.train_data import TrainData, open_train_data

CHECKPOINTS_KEPT = 3


@dataclass(frozen=True, slots=True)
class Training:
    """What a training needs beside the base.

    Attributes:
        spec: Settings and data.
        seed: Of adapter initialisation, data order and dropout.
        checkpoints: Folder of resumable states.
        events: Stream to the parent.
        interruption: State of SIGTERM.
    """

    spec: TrainSpec
    seed: int
    checkpoints: Path
    events: EventWriter
    interruption: Interruption

    @property
    def token_cache(self) -> Path:
        """Where tokenised files are kept: as asked, else beside the checkpoints."""
        asked = self.spec.token_cache
        return Path(asked) if asked else self.checkpoints.with_name("tokens")


@dataclass(frozen=True, slots=True)
class Trained:
    """A finished training: the PEFT model over the base, and its scalars (names as in `TrialResult`)."""

    model: Any
    metrics: dict[str, float]


def train(base: Base, training: Training) -> Trained:
    """Train to the end or to the pause that is asked for, taking up the last whole checkpoint if there is one.

    Raises:
        DivergedError: when the loss left the rails.
        InterruptedTrialError: on SIGTERM; with `save_steps`, after a checkpoint was saved.
        HarnessError: if no example fits `max_length`, packed examples would see each other, or `start_adapter` is unusable.
    """
    spec = training.spec
    data = open_train_data(base.tokenizer, spec, training.token_cache)
    total = total_steps(spec.params, len(data.train))
    guard, early = LossGuard(warmup_steps(spec.params, total)), _early_stopping(spec)
    stop = StopCallback(guard, training.interruption)
    at = steps_at(spec.until, total)
    pause = PauseCallback(Pause(at, spec.until < 1 or any_kept(training.checkpoints)), guard, early)
    trainer = _trainer(base, training, data, [stop, *([early] if early else []), pause])
    train_loss = _run(trainer, training, pause, newest(training.checkpoints, at))
    if stop.diverged is not None:
        raise DivergedError(stop.diverged)
    metrics = {"train_loss": train_loss, "train_runtime_s": pause.seconds, "total_steps": float(total)}
    return Trained(trainer.model, data.metrics | metrics | _closing_metrics(trainer, pause.seconds))


def _run(trainer: CompletionTrainer, training: Training, pause: PauseCallback, checkpoint: Checkpoint | None) -> float:
    """Train up to the pause, or take up a checkpoint that is there already; returns the mean loss since the first step."""
    pause.trainer = trainer
    if checkpoint is not None and pause.take_up(checkpoint):
        trainer.load(checkpoint.path)
        loss = (pause.losses["total"] + pause.losses["pending"]) / trainer.state.global_step
    else:
        # Without checkpoints there is nothing to wait for: SIGTERM may break off the step.
        deferred = training.interruption.deferred() if training.spec.save_steps else contextlib.nullcontext()
        with deferred, trainable_nf4(trainer.model):
            loss = trainer.train(resume_from_checkpoint=str(checkpoint.path) if checkpoint else None).training_loss
    if pause.saving:
        keep(training.checkpoints, trainer.state.global_step)
    return float(loss)


def _trainer(base: Base, training: Training, data: TrainData, callbacks: Sequence[TrainerCallback]) -> CompletionTrainer:
    spec = training.spec
    trainer = CompletionTrainer(
        model=load_to_continue(base.model, spec.start_adapter) if spec.start_adapter else base.model,
        args=sft_config(base, training, total_steps(spec.params, len(data.train))),
        train_dataset=data.train,
        eval_dataset=data.validation,
        processing_class=base.tokenizer,
        peft_config=None if spec.start_adapter else lora_config(spec.params),
        callbacks=[StreamCallback(training.events), *callbacks],
        loss_path=spec.loss_path,
    )
    trainer.remove_callback(PrinterCallback)  # the events say it
    settle_adapters(trainer.model, trainer.args.device)
    if spec.start_adapter:
        restore(trainer.model, spec.start_adapter)
    if spec.packing:
        trainer.data_collator.return_position_ids = True
        require_isolation(trainer.model, exact=base.dtype == torch.float32 and base.quantization is Quantization.NONE)
    return trainer


def lora_config(params: TrialParams) -> Any:
    """PEFT's config."""
    targets = params.target_modules
    return LoraConfig(
        r=params.r,
        lora_alpha=params.scaling_alpha,
        lora_dropout=params.lora_dropout,
        target_modules=targets if isinstance(targets, str) else list(targets),
        use_rslora=params.use_rslora,
        bias="none",
        task_type="CAUSAL_LM",
    )


def sft_config(base: Base, training: Training, steps: int) -> Any:
    """TRL's config, with nothing left to a default that matters."""
    spec, params = training.spec, training.spec.params
    on_gpu = base.device != "cpu"
    evaluating, saving = spec.eval_steps > 0, spec.save_steps > 0
    return SFTConfig(
        output_dir=str(training.checkpoints),
        per_device_train_batch_size=params.per_device_train_batch_size,
        per_device_eval_batch_size=params.per_device_train_batch_size,  # more could outgrow what was admitted
        gradient_accumulation_steps=params.gradient_accumulation_steps,
        num_train_epochs=params.num_train_epochs,
        max_steps=params.max_steps,
        learning_rate=params.learning_rate,
        lr_scheduler_type=params.lr_scheduler_type,
        warmup_steps=warmup_steps(params, steps),
        weight_decay=params.weight_decay,
        max_grad_norm=params.max_grad_norm,
        optim=params.optim,
        max_length=params.max_length,
        packing=False,  # rows come packed from `packing`; TRL's own way is for flash attention only
        loss_type="nll",
        completion_only_loss=False,  # labels are built by `encoding`
        dataset_kwargs={"skip_prepare_dataset": True},
        train_sampling_strategy="random" if spec.packing else "group_by_length",
        remove_unused_columns=False,  # `length` spares the sampler a walk over all examples
        gradient_checkpointing=params.gradient_checkpointing,
        gradient_checkpointing_kwargs={"use_reentrant": params.reentrant_checkpointing},
        bf16=base.dtype == torch.bfloat16,  # autocast: the fp32 adapters multiply in bf16
        fp16=on_gpu and base.dtype == torch.float16,
        include_num_input_tokens_seen="non_padding",
        use_cpu=not on_gpu,
        seed=training.seed,
        data_seed=training.seed,
        logging_steps=spec.logging_steps,
        logging_nan_inf_filter=False,  # it would hide the very values that mean divergence
        eval_strategy="steps" if evaluating else "no",
        eval_steps=spec.eval_steps if evaluating else None,
        save_strategy="steps" if saving else "no",
        save_steps=spec.save_steps if saving else 500,
        save_total_limit=CHECKPOINTS_KEPT,
        metric_for_best_model="eval_loss" if spec.early_stopping_patience else None,
        greater_is_better=False if spec.early_stopping_patience else None,
        dataloader_num_workers=0,
        dataloader_pin_memory=on_gpu,
        report_to="none",
        disable_tqdm=True,
        log_level="error",
    )


def total_steps(params: TrialParams, examples: int) -> int:
    """Optimizer steps of the whole training; at least 1."""
    if params.max_steps > 0:
        return params.max_steps
    per_epoch = math.ceil(math.ceil(examples / params.per_device_train_batch_size) / params.gradient_accumulation_steps)
    return max(1, math.ceil(per_epoch * params.num_train_epochs))


def warmup_steps(params: TrialParams, steps: int) -> int:
    """Whole warmup steps of a ratio, as transformers rounded it while it had the ratio."""
    return math.ceil(params.warmup_ratio * steps)


def _early_stopping(spec: TrainSpec) -> EarlyStoppingCallback | None:
    patience = spec.early_stopping_patience
    return EarlyStoppingCallback(early_stopping_patience=patience) if patience and spec.eval_steps else None


def _closing_metrics(trainer: Any, runtime_s: float) -> dict[str, float]:
    """Validation loss at the end, where any validation example fits, and counts."""
    tokens = float(trainer.state.num_input_tokens_seen)
    evaluated = trainer.evaluate() if trainer.eval_dataset is not None else {}
    return {
        **({"eval_loss": float(evaluated["eval_loss"])} if evaluated else {}),
        "train_tokens": tokens,
        "train_tokens_per_s": tokens / max(runtime_s, 1e-9),
        "steps": float(trainer.state.global_step),
        "trainable_parameters": float(sum(p.numel() for p in trainer.model.parameters() if p.requires_grad)),
    }
