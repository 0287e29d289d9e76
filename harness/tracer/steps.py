"""Runs one optimizer step, and the writing of a suite, over a fake model, and reads the peaks.

Owns the order of a step as transformers' Trainer, TRL and accelerate run it.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from accelerate.utils import convert_outputs_to_fp32
from torch._subclasses.fake_tensor import FakeTensorMode

from harness.core.workload import LossPath
from harness.tracer.fake_attention import cuda_attention, known_mask
from harness.tracer.fake_head import completion_loss, fused_loss, logits_loss, triton_memory
from harness.tracer.fake_model import BF16_BYTES, build_model, materialize
from harness.tracer.fake_optimizer import forget_step_counts, make_optimizer
from harness.tracer.live_bytes import LiveBytes
from harness.tracer.request import Traced, TraceRequest
from harness.tracer.versions import versions
from harness.tracer.writing import write


def trace(request: TraceRequest) -> Traced:
    """The peak of the second optimizer step, which is the first that has optimizer state, and of the writing."""
    started = time.monotonic()
    model = build_model(request)
    live = LiveBytes()
    padded = request.padded and request.workload.params.per_device_train_batch_size > 1
    with FakeTensorMode(), live, known_mask(padded), _device(request):
        materialize(model, request, live)
        _train(model, request, live)
        if request.workload.writing is not None:
            torch.set_autocast_enabled("cuda", False)
            with known_mask(request.workload.writing.batch_size > 1):  # prompts of one batch differ in length
                write(model, request.workload.writing, live)
    phase = max(live.peaks, key=lambda name: live.peaks[name])
    return Traced(
        peak_bytes=live.peaks[phase],
        phase=phase,
        phases=dict(live.peaks),
        terms=tuple(live.terms(phase).items()),
        versions=versions(),
        seconds=round(time.monotonic() - started, 2),
    )


def _train(model: Any, request: TraceRequest, live: LiveBytes) -> None:
    params = request.workload.params
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = _first_step(trained, request, live)
    if params.gradient_accumulation_steps == 1:
        model.zero_grad()  # later micro-batches of a step find the gradients of the first
    # The Trainer holds every micro-batch of the step, and accelerate has fetched the one after.
    batches = [_batch(request) for _ in range(params.gradient_accumulation_steps + 1)]
    with live.phase("loss"):
        loss = _loss(model, batches[0], request)
    live.name_rest("activations")
    with live.phase("backward"):
        if params.gradient_accumulation_steps > 1:
            loss = loss / params.gradient_accumulation_steps
        loss.backward()
    del loss  # the graph goes with it, and what bitsandbytes hung onto it
    with live.phase("optimizer step"):
        torch.nn.utils.clip_grad_norm_(trained, params.max_grad_norm)
        optimizer.step()
    model.zero_grad()


def _first_step(trained: Sequence[Any], request: TraceRequest, live: LiveBytes) -> Any:
    """An optimizer with its state, and gradients; the forward and backward that led there are left out."""
    for parameter in trained:
        parameter.grad = torch.empty_like(parameter)
    optimizer = make_optimizer(request.workload.params.optim, trained, request.device_kind)
    optimizer.step()
    if request.device_kind == "cuda":
        forget_step_counts(optimizer, live)
    live.name_rest("optimizer state")
    for parameter in trained:
        live.follow(parameter.grad, "gradients")
        parameter.register_post_accumulate_grad_hook(lambda p: live.follow(p.grad, "gradients"))
    return optimizer


def _batch(request: TraceRequest) -> dict[str, torch.Tensor]:
    """Full examples, every position labelled."""
    params = request.workload.params
    shape = (params.per_device_train_batch_size, params.max_length)
    ids, labels, mask = (torch.empty(shape, dtype=torch.int64) for _ in range(3))
    return {"input_ids": ids, "labels": labels, "attention_mask": mask}


def _loss(model: Any, inputs: dict[str, Any], request: TraceRequest) -> torch.Tensor:
    workload, params = request.workload, request.workload.params
    base = model.get_base_model()
    forward = _prepared(base, request)
    if workload.loss_path is LossPath.LOGITS:
        return logits_loss(forward, inputs)
    if workload.loss_path is LossPath.COMPLETION:
        labelled = params.per_device_train_batch_size * min(params.max_length, workload.completion_tokens)
        return completion_loss(forward, inputs, min(params.max_length - 1, labelled))
    with _autocast(request):
        return fused_loss(base, inputs, labelled_only=request.device_kind == "cuda")


def _prepared(base: Any, request: TraceRequest) -> Callable[..., Any]:
    """Source: accelerate, accelerator.py `prepare_model`: bf16 runs under autocast and gives fp32 back."""
    if request.compute_bytes != BF16_BYTES:
        return base  # type: ignore[no-any-return]
    return convert_outputs_to_fp32(_autocast(request)(base))  # type: ignore[no-any-return]


@contextlib.contextmanager
def _device(request: TraceRequest) -> Iterator[None]:
    """What is different on a GPU."""
    if request.device_kind != "cuda":
        yield
        return
    # PEFT's bitsandbytes layers ask for CUDA's autocast whatever the tensors are on.
    torch.set_autocast_enabled("cuda", request.compute_bytes == BF16_BYTES)
    try:
        with triton_memory(), cuda_attention():
            yield
    finally:
        torch.set_autocast_enabled("cuda", False)


def _autocast(request: TraceRequest) -> Any:
    return torch.autocast("cpu", torch.bfloat16, enabled=request.compute_bytes == BF16_BYTES)
