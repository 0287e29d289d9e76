"""Builds the PEFT model of a trial out of fake tensors: shapes and types as on the device, no values.

Owns where adapters and quantized weights go. What runs through it is `steps`'.
"""

from __future__ import annotations

from typing import Any

import torch
from peft import get_peft_model
from peft.tuners.lora import Linear as LoraLinear
from peft.tuners.lora.bnb import Linear4bit, Linear8bitLt
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.pytorch_utils import Conv1D

from harness.core.params import Quantization
from harness.tracer.fake_offload import offload_last, waiting
from harness.tracer.fake_quantized import Int8Linear, Nf4Linear
from harness.tracer.live_bytes import LiveBytes
from harness.tracer.request import TraceRequest
from harness.trial.training import lora_config

_STATIC_ROPE = frozenset({"longrope", "dynamic"})
"""Rotary scalings that look at the positions' values, which a fake tensor does not have."""
BF16_BYTES = 2
_LINEAR = (nn.Linear, Conv1D)


def build_model(request: TraceRequest) -> Any:
    """The PEFT model, all of it on the meta device."""
    dtype = compute_dtype(request)
    config = AutoConfig.for_model(**_without_dynamic_rope(dict(request.config)))
    with torch.device("meta"):
        base = AutoModelForCausalLM.from_config(config, dtype=dtype, attn_implementation=request.workload.attn_implementation)
        model = get_peft_model(base.eval(), lora_config(request.workload.params), low_cpu_mem_usage=True)
    model.config.use_cache = False
    if request.workload.params.gradient_checkpointing:
        reentrant = request.workload.params.reentrant_checkpointing
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": reentrant})
        model.enable_input_require_grads()
    return model.train()


def materialize(model: Any, request: TraceRequest, live: LiveBytes) -> None:
    """Give every weight a fake storage of its size; to be called under the fake tensor mode and `live`."""
    params, offloaded = request.workload.params, request.workload.offloaded_layers
    if params.quantization is not Quantization.NONE:
        _quantize(model, request)
    head = model.get_output_embeddings()
    elsewhere = {id(module) for module in waiting(model, offloaded)}
    made: dict[int, nn.Parameter] = {}  # a tied weight is one
    for module in model.modules():
        if id(module) in elsewhere:
            continue
        for name, parameter in list(module.named_parameters(recurse=False)):
            if id(parameter) not in made:
                made[id(parameter)] = _fake_parameter(parameter)
            module._parameters[name] = made[id(parameter)]
            live.follow(module._parameters[name], _kind(module, parameter, head))
        for name, buffer in list(module.named_buffers(recurse=False)):
            module._buffers[name] = torch.empty(buffer.shape, dtype=buffer.dtype)
            live.follow(module._buffers[name], _kind(module, buffer, head))
    offload_last(model, offloaded)
    if params.lora_dropout > 0 and request.device_kind == "cuda":
        _fuse_dropout(model)


def compute_dtype(request: TraceRequest) -> torch.dtype:
    """The type of what is not quantized."""
    return torch.bfloat16 if request.compute_bytes == BF16_BYTES else torch.float32


def _without_dynamic_rope(config: dict[str, Any]) -> dict[str, Any]:
    for field in ("rope_scaling", "rope_parameters"):
        scaling = config.get(field)
        if isinstance(scaling, dict) and scaling.get("rope_type", scaling.get("type")) in _STATIC_ROPE:
            config[field] = {"rope_type": "default", "rope_theta": scaling.get("rope_theta", config.get("rope_theta", 10000.0))}
    return config


def _quantize(model: Any, request: TraceRequest) -> None:
    """Swap the linear layers, the head aside, and let the adapters run as PEFT's own over bitsandbytes do.

    Source: transformers, quantizers: every linear layer but the output embedding.
    """
    head = model.get_output_embeddings()
    adapter_class = Linear8bitLt if request.workload.params.quantization is Quantization.INT8 else Linear4bit
    for path, module in list(model.named_modules()):
        if isinstance(module, LoraLinear):
            module.base_layer = _stand_in(module.base_layer, request)
            module.__class__ = adapter_class
        elif type(module) in _LINEAR and module is not head and ".lora_" not in path and not path.endswith("base_layer"):
            model.set_submodule(path, _stand_in(module, request))


def _stand_in(layer: nn.Module, request: TraceRequest) -> nn.Module:
    if request.workload.params.quantization is Quantization.INT8:
        return Int8Linear(layer, request.device_kind == "cuda")
    return Nf4Linear(layer, request.workload.double_quant, compute_dtype(request))


def _fake_parameter(parameter: nn.Parameter) -> nn.Parameter:
    dtype = torch.float32 if parameter.requires_grad else parameter.dtype  # training.py keeps adapters in fp32
    return nn.Parameter(torch.empty(parameter.shape, dtype=dtype), requires_grad=parameter.requires_grad)


def _kind(module: nn.Module, tensor: torch.Tensor, head: nn.Module) -> str:
    if isinstance(tensor, nn.Parameter) and tensor.requires_grad:
        return "adapters"
    linear = isinstance(module, (*_LINEAR, Int8Linear, Nf4Linear)) and module is not head
    return "linear weights" if linear else "embeddings and norms"


class _FusedDropout(nn.Module):  # type: ignore[misc]
    """Dropout that keeps a mask of one byte, as on CUDA; torch's for a CPU keeps four."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.native_dropout(x, self.p, True)[0] if self.training else x


def _fuse_dropout(model: Any) -> None:
    """Swap PEFT's dropout modules, which it keeps in one ModuleDict per layer."""
    for layer in model.modules():
        if isinstance(layer, BaseTunerLayer):
            for name, dropout in layer.lora_dropout.items():
                if isinstance(dropout, nn.Dropout):
                    layer.lora_dropout[name] = _FusedDropout(dropout.p)
