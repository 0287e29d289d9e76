"""Loads the frozen base model and its tokenizer, once per process, and decides its number formats.

Knows nothing of adapters: several may be trained over what this returns.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig

from harness.core.dtypes import cpu_dtype
from harness.core.params import Quantization
from harness.files.processor import CPUINFO, cpuinfo
from harness.trial.offload import check_offload, hide_from_redispatch, placement
from harness.trial.spec import ModelSpec

GPU = "cuda:0"
"""Whatever N is in the spec's ``cuda:N``: `harness.trial.process.prepare_environment` leaves that one visible alone."""
DTYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16, "float32": torch.float32}


@dataclass(frozen=True, slots=True)
class Base:
    """A loaded base model.

    Attributes:
        model: The transformers model, frozen by whoever puts an adapter on it.
        tokenizer: Its tokenizer; padding on the left, pad token always set.
        dtype: Of the weights that are not quantized.
        quantization: How its linear weights are held.
        device: ``cpu`` or ``cuda``.
    """

    model: Any
    tokenizer: Any
    dtype: Any
    quantization: Quantization
    device: str


def load_base(spec: ModelSpec, quantization: Quantization) -> Base:
    """Load model and tokenizer as the spec says; remote code is never trusted.

    Raises:
        OSError: if the model is neither a folder nor a hub id within reach.
        ValueError: if it is not a causal language model.
        HarnessError: if layers cannot be offloaded as the spec asks.
    """
    if spec.offloaded_layers:
        check_offload(spec, quantization)
    dtype = choose_dtype(spec.dtype, spec.device, quantization)
    if spec.memory_fraction is not None and spec.device != "cpu":
        torch.cuda.set_per_process_memory_fraction(spec.memory_fraction)
    source = {"revision": spec.revision, "trust_remote_code": False}
    tokenizer = AutoTokenizer.from_pretrained(spec.path, padding_side="left", **source)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    model = AutoModelForCausalLM.from_pretrained(
        spec.path,
        dtype=dtype,
        device_map=_device_map(spec, quantization),
        attn_implementation=spec.attn_implementation,
        quantization_config=quantization_config(quantization, spec, dtype),
        **source,
    )
    if spec.offloaded_layers:
        hide_from_redispatch(model, GPU)
    return Base(model.eval(), tokenizer, dtype, quantization, spec.device.partition(":")[0])


def _device_map(spec: ModelSpec, quantization: Quantization) -> Any:
    if spec.offloaded_layers:
        return placement(spec.path, spec.revision, spec.offloaded_layers, GPU)
    whole = {"": GPU if spec.device != "cpu" else spec.device}
    return spec.device_map or (whole if spec.device != "cpu" or quantization != "none" else None)


def choose_dtype(requested: str, device: str, quantization: Quantization, kept: Path = CPUINFO) -> Any:
    """The torch dtype for what is not quantized, and the one that nf4 computes in.

    ``auto``: bf16 where the GPU computes in it, else fp16; on a CPU bf16 only where it has instructions for it
    (emulated bf16 is many times slower than fp32), else fp32. nf4 on a CPU is fp32 throughout: bitsandbytes' bf16
    path is twice as fast on some CPUs and many times slower on others, with AMX among them.

    Raises:
        KeyError: if the name is unknown.
    """
    if requested != "auto":
        return DTYPES[requested]
    if device != "cpu":
        # including_emulation=False is not in every torch this runs on; compute capability 8 is where bf16 starts.
        return torch.bfloat16 if torch.cuda.get_device_capability()[0] >= 8 else torch.float16
    return DTYPES[cpu_dtype(requested, quantization, cpuinfo(kept))]


def quantization_config(quantization: Quantization, spec: ModelSpec, dtype: Any) -> Any:
    """The bitsandbytes config, or None. The 4-bit type is always named: bitsandbytes' own default is fp4."""
    if quantization is Quantization.NONE:
        return None
    offload = spec.device_map is not None
    if quantization is Quantization.INT8:
        return BitsAndBytesConfig(load_in_8bit=True, llm_int8_enable_fp32_cpu_offload=offload)
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=spec.double_quant,
        bnb_4bit_compute_dtype=dtype,
        llm_int8_enable_fp32_cpu_offload=offload,
    )
