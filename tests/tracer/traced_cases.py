"""What is traced in this folder. `ON_CUDA` cannot run here; the others are measured on the host too."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from harness.core.params import Quantization, TrialParams
from harness.core.workload import LossPath, Workload, Writing
from harness.tracer.request import TraceRequest

SIZES: dict[str, Any] = {
    "vocab_size": 258,
    "hidden_size": 64,
    "intermediate_size": 160,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 1024,
    "pad_token_id": 0,
    "eos_token_id": 1,
    "bos_token_id": 1,
}
LLAMA = SIZES | {"model_type": "llama"}
QWEN3 = SIZES | {"model_type": "qwen3", "head_dim": 32}
GEMMA3 = SIZES | {"model_type": "gemma3_text", "head_dim": 32, "sliding_window": 64}
PHI3 = SIZES | {"model_type": "phi3", "sliding_window": None}
LOGITS = LossPath.LOGITS


def on_host(config: dict[str, Any], loss_path: LossPath = LossPath.COMPLETION, **changes: Any) -> TraceRequest:
    params = TrialParams(**({"r": 4, "max_length": 256, "per_device_train_batch_size": 2} | changes))
    return TraceRequest(config, Workload(params, loss_path, completion_tokens=64), "host", 4)


def on_cuda(config: dict[str, Any] = LLAMA, loss_path: LossPath = LossPath.FUSED, **changes: Any) -> TraceRequest:
    return replace(on_host(config, loss_path, **changes), device_kind="cuda", compute_bytes=2)


def bf16(request: TraceRequest) -> TraceRequest:
    return replace(request, compute_bytes=2)


def padded(request: TraceRequest) -> TraceRequest:
    return replace(request, padded=True)


def with_work(request: TraceRequest, **changes: Any) -> TraceRequest:
    return replace(request, workload=replace(request.workload, **changes))


CASES = {
    "bf16 under autocast": bf16(on_host(QWEN3)),
    "checkpointing": on_host(PHI3, gradient_checkpointing=True),
    "a mask where the window is short": padded(on_host(GEMMA3, gradient_accumulation_steps=3)),
    "nf4": on_host(LLAMA, quantization=Quantization.NF4),
    "nf4 with plain constants, eager": with_work(
        on_host(QWEN3, quantization=Quantization.NF4), double_quant=False, attn_implementation="eager"
    ),
    "int8 in bf16": bf16(on_host(LLAMA, quantization=Quantization.INT8)),
    "int8 with checkpointing": on_host(LLAMA, quantization=Quantization.INT8, gradient_checkpointing=True),
    "whole logits": on_host(LLAMA, LOGITS, target_modules=("q_proj", "v_proj")),
    "the fused head, dropout, 8-bit Adam": on_host(
        LLAMA, LossPath.FUSED, lora_dropout=0.1, optim="adamw_bnb_8bit", r=64, max_length=64
    ),
}
WRITTEN = {
    "written from one pass": with_work(on_host(LLAMA), writing=Writing(batch_size=6, prompt_tokens=200, max_new_tokens=130)),
    "written from three passes": with_work(on_host(QWEN3), writing=Writing(batch_size=20, prompt_tokens=400, max_new_tokens=70)),
}
ON_CUDA = {
    "plain": on_cuda(),
    "plain again": with_work(on_cuda(), completion_tokens=63),  # the path without completions does not look at it
    "padded": padded(on_cuda()),
    "one row cannot be padded": padded(on_cuda(per_device_train_batch_size=1)),
    "one row": on_cuda(per_device_train_batch_size=1),
    "logits": on_cuda(loss_path=LOGITS),
    "checkpointed": on_cuda(gradient_checkpointing=True),
    "offloaded": with_work(on_cuda(gradient_checkpointing=True), offloaded_layers=1),
    "dropout": on_cuda(lora_dropout=0.1),
    "writing": with_work(on_cuda(), writing=Writing(batch_size=8, prompt_tokens=512, max_new_tokens=256)),
    "long rotary scaling": on_cuda(
        PHI3 | {"rope_scaling": {"type": "longrope", "long_factor": [1.0] * 8, "short_factor": [1.0] * 8}}
    ),
}
