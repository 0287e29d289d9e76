"""Trains one LoRA adapter over a loaded base with TRL's SFTTrainer, and saves it.

Owns the translation of `TrialParams` into PEFT's, TRL's and transformers' settings: every one that matters is written
out, since their defaults differ between versions.
"""

from __future__ import annotations

import contextlib
import json
import math
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig
from transformers import EarlyStoppingCallback, PrinterCallback
from trl import SFTConfig

from harness.core.params import TrialParams
from harness.trial.adapters import settle_adapters
from harness.trial.base import Base
from harness.trial.callbacks import StopCallback, StreamCallback
from harness.trial.completion_trainer import CompletionTrainer
from harness.trial.encoding import Example, encode_all, nothing_fits, read_records
from harness.trial.events import EventWriter
from harness.trial.process import Interruption
from harness.trial.spec import TrainSpec
from harness.trial.stability import LossGuard

CHECKPOINTS_KEPT = 3


class DivergedError(Exception):
    """The loss is not finite, or exploded; the message says where."""


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


@dataclass(frozen=True, slots=True)
class Trained:
    """A finished training: the PEFT model over the base, and its scalars (names as in `TrialResult`)."""

    model: Any
    metrics: dict[str, float]


def train(base: Base, training: Training) -> Trained:
    """Train to the end, taking up the last whole checkpoint if there is one.

    Raises:
        DivergedError: when the loss left the rails.
        InterruptedTrialError: on SIGTERM; with `save_steps`, after a checkpoint was saved.
        HarnessError: if no example fits `max_length`.
    """
    train_set = _dataset(base, training.spec, training.spec.train_file)
    if train_set is None:
        raise nothing_fits(len(read_records(training.spec.train_file)), training.spec)
    validation_set = _dataset(base, training.spec, training.spec.validation_file)
    if validation_set is None and training.spec.eval_steps:
        raise nothing_fits(len(read_records(training.spec.validation_file)), training.spec)
    steps = total_steps(training.spec.params, len(train_set))
    stop = StopCallback(LossGuard(warmup_steps(training.spec.params, steps)), training.interruption)
    trainer = CompletionTrainer(
        model=base.model,
        args=sft_config(base, training, steps),
        train_dataset=train_set,
        eval_dataset=validation_set,
        processing_class=base.tokenizer,
        peft_config=lora_config(training.spec.params),
        callbacks=[StreamCallback(training.events), stop, *_early_stopping(training.spec)],
        loss_path=training.spec.loss_path,
    )
    trainer.remove_callback(PrinterCallback)  # the events say it
    settle_adapters(trainer.model, trainer.args.device)
    # Without checkpoints there is nothing to wait for: SIGTERM may break off the step.
    with training.interruption.deferred() if training.spec.save_steps else contextlib.nullcontext():
        output = trainer.train(resume_from_checkpoint=last_checkpoint(training.checkpoints))
    if stop.diverged is not None:
        raise DivergedError(stop.diverged)
    metrics = {"train_loss": float(output.training_loss), "train_runtime_s": float(output.metrics["train_runtime"])}
    return Trained(trainer.model, metrics | _closing_metrics(trainer, metrics["train_runtime_s"]))


def save_adapter(model: Any, folder: Path, public_id: str) -> Path:
    """Write adapter_model.safetensors and adapter_config.json, with the base's public id in place of a local path.

    Returns:
        The safetensors file.
    """
    for config in model.peft_config.values():
        config.base_model_name_or_path = public_id
    temporary = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    # save_embedding_layers="auto" would ask the hub whether the vocabulary grew.
    model.save_pretrained(str(temporary), safe_serialization=True, save_embedding_layers=False)
    shutil.rmtree(folder, ignore_errors=True)
    temporary.replace(folder)
    return folder / "adapter_model.safetensors"


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
        packing=False,
        loss_type="nll",
        completion_only_loss=False,  # labels are built by `encoding`
        dataset_kwargs={"skip_prepare_dataset": True},
        train_sampling_strategy="group_by_length",
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


def last_checkpoint(folder: Path) -> str | None:
    """The newest whole checkpoint; a half-written one (trainer_state.json is written last) is removed."""
    found: list[tuple[int, Path]] = []
    for path in folder.glob("checkpoint-*"):
        if _is_whole(path):
            found.append((int(path.name.rpartition("-")[2]), path))
        else:
            shutil.rmtree(path)
    return str(max(found)[1]) if found else None


def _is_whole(checkpoint: Path) -> bool:
    try:
        json.loads((checkpoint / "trainer_state.json").read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return True


def _dataset(base: Base, spec: TrainSpec, path: str) -> Any:
    """The examples of a file that fit, or None: short functions to validate on are no reason to refuse a trial."""
    examples: list[Example] = encode_all(base.tokenizer, read_records(path), spec)
    if not examples:
        return None
    return Dataset.from_list([{"input_ids": e.input_ids, "labels": e.labels} for e in examples])


def _early_stopping(spec: TrainSpec) -> list[Any]:
    patience = spec.early_stopping_patience
    return [EarlyStoppingCallback(early_stopping_patience=patience)] if patience and spec.eval_steps else []


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
