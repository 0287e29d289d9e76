"""The trial.json of each kind of process: a training trial, an untuned baseline, a finished adapter on test functions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from harness.core.params import Quantization, TrialParams
from harness.files.cache import default_cache_root
from harness.files.template_files import load_template
from harness.sweep.crew import Segment
from harness.sweep.devices import Device
from harness.sweep.workplace import Workplace
from harness.trial.spec import GenerateSpec, ModelSpec, TrainSpec, TrialSpec


def segment_spec(work: Workplace, segment: Segment, functions: Path, device: Device) -> TrialSpec:
    """Train an adapter as far as a rung, then write suites for that rung's validation functions.

    Args:
        work: The sweep.
        segment: What is done.
        functions: File of the rung's validation functions.
        device: Where.
    """
    settings, data, workload = work.config.training, work.materials.data, segment.judged.workload
    train = TrainSpec(
        params=workload.params,
        train_files=tuple(map(str, data.train_files)),
        validation_file=str(data.files["validation"]),
        exclude_file=_path(data.exclude_file),
        template=load_template(workload.params.prompt_template).to_dict(),
        packing=settings.packing,
        token_cache=str(default_cache_root(work.environ) / "tokens"),
        start_adapter=_path(work.start_adapter),
        logging_steps=settings.logging_steps,
        eval_steps=settings.eval_steps,
        save_steps=settings.save_steps,
        early_stopping_patience=settings.early_stopping_patience,
        max_tests_per_example=settings.max_tests_per_example,
        max_completion_tokens=settings.max_completion_tokens,
        loss_path=workload.loss_path.value,
        until=segment.share.training,
    )
    model = _model(work, workload.params.quantization)
    model = replace(model, offloaded_layers=workload.offloaded_layers, device=device.name)
    generate = replace(_generate(work, "validation", workload.params.prompt_template), functions_file=str(functions))
    return TrialSpec(segment.label, segment.seed, model, generate, train, threads=device.threads)


def baseline_spec(work: Workplace, label: str, shots: int, split: str) -> TrialSpec:
    """Write suites with the untuned base, asked with the template of trial 0; examples come from the training functions."""
    template = work.config.training.prompt_template
    return TrialSpec(label, work.config.study.seed, _model(work, Quantization.NONE), _generate(work, split, template, shots))


def adapter_spec(work: Workplace, label: str, adapter: Path, params: TrialParams, split: str) -> TrialSpec:
    """Write suites for the functions of a split with a finished adapter: on the base and with the prompt it was trained on."""
    generate = replace(_generate(work, split, params.prompt_template), template={})  # its folder holds the prompt
    return TrialSpec(label, work.config.study.seed, _model(work, params.quantization), generate, adapter=str(adapter))


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


def _path(given: Path | None) -> str | None:
    return None if given is None else str(given)


def _generate(work: Workplace, split: str, template: str, shots: int = 0) -> GenerateSpec:
    settings, data = work.config.generation, work.materials.data
    return GenerateSpec(
        functions_file=str(data.files[split]),
        shots=shots,
        example_files=tuple(map(str, data.train_files)),
        exclude_file=_path(data.exclude_file),
        template=load_template(template).to_dict(),
        max_new_tokens=settings.max_new_tokens,
        batch_size=settings.batch_size,
        do_sample=settings.do_sample,
        temperature=settings.temperature,
        top_p=settings.top_p,
    )
