"""The trial.json of each kind of process: a training trial, an untuned baseline, a finished adapter on test functions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from harness.core.params import Quantization
from harness.core.workload import Workload
from harness.sweep.workplace import Workplace
from harness.trial.spec import GenerateSpec, ModelSpec, TrainSpec, TrialSpec


def training_spec(work: Workplace, label: str, workload: Workload, seed: int) -> TrialSpec:
    """Train an adapter, then write suites for the validation functions."""
    settings, files = work.config.training, work.materials.data.files
    train = TrainSpec(
        params=workload.params,
        train_file=str(files["train"]),
        validation_file=str(files["validation"]),
        logging_steps=settings.logging_steps,
        eval_steps=settings.eval_steps,
        save_steps=settings.save_steps,
        early_stopping_patience=settings.early_stopping_patience,
        max_tests_per_example=settings.max_tests_per_example,
        max_completion_tokens=settings.max_completion_tokens,
        loss_path=workload.loss_path.value,
    )
    model = replace(_model(work, workload.params.quantization), offloaded_layers=workload.offloaded_layers)
    return TrialSpec(label, seed, model, _generate(work, "validation"), train)


def baseline_spec(work: Workplace, label: str, shots: int, split: str) -> TrialSpec:
    """Write suites with the untuned base; one-shot examples come from the training functions."""
    return TrialSpec(label, work.config.study.seed, _model(work, Quantization.NONE), _generate(work, split, shots))


def adapter_spec(work: Workplace, label: str, adapter: Path, quantization: Quantization) -> TrialSpec:
    """Write suites for the held-out test functions with a finished adapter on the base it was trained on."""
    generate = _generate(work, "test")
    return TrialSpec(label, work.config.study.seed, _model(work, quantization), generate, adapter=str(adapter))


def _model(work: Workplace, quantization: Quantization) -> ModelSpec:
    asked, resolved, probe = work.config.model, work.materials.model, work.materials.probe
    on_gpu = probe.kind == "cuda"
    return ModelSpec(
        path=resolved.path,
        public_id=resolved.public_id,
        revision=resolved.revision,
        quantization=quantization.value,
        dtype=asked.dtype,
        device=_device(work.config.guard.device, on_gpu=on_gpu),
        device_map=asked.device_map,
        double_quant=asked.double_quant,
        attn_implementation=asked.attn_implementation,
        memory_fraction=_allocator_share(work) if on_gpu else None,
    )


def _allocator_share(work: Workplace) -> float:
    """What of the device torch's allocator may hold: the budget without the context, which it does not see."""
    budget = work.materials.budget
    allowed = budget.bytes - work.materials.predictor.device.context_bytes
    return min(1.0, max(allowed, budget.bytes // 10) / budget.of_total_bytes)


def _device(asked: str, *, on_gpu: bool) -> str:
    if not on_gpu:
        return "cpu"
    return asked if asked.startswith("cuda:") else "cuda:0"


def _generate(work: Workplace, split: str, shots: int = 0) -> GenerateSpec:
    settings, files = work.config.generation, work.materials.data.files
    return GenerateSpec(
        functions_file=str(files[split]),
        shots=shots,
        example_file=str(files["train"]) if shots else None,
        max_new_tokens=settings.max_new_tokens,
        batch_size=settings.batch_size,
        do_sample=settings.do_sample,
        temperature=settings.temperature,
        top_p=settings.top_p,
    )
