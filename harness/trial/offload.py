"""Frozen decoder layers that wait in host memory while adapters are trained over them, by accelerate's hooks.

Owns where each module of a model goes. Loading the model is `harness.trial.base`'s, what becomes of the adapters
`harness.trial.adapters`', whether it is worth it the admission's. A layer's weights are copied to the GPU when it runs,
forward and again in the recomputation of gradient checkpointing; without checkpointing autograd keeps every copy until
the backward and nothing is saved. Layers that bitsandbytes quantized cannot be trained this way (accelerate refuses).
"""

from __future__ import annotations

from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM

from harness.core.errors import HarnessError
from harness.trial.spec import ModelSpec

HOST = "cpu"


def check_offload(spec: ModelSpec, quantization: str) -> None:
    """Refuse what cannot work.

    Raises:
        HarnessError: on a CPU, with quantized weights, or beside `device_map`.
    """
    for wrong, why in (
        (spec.device == "cpu", "the model is trained on the CPU: its weights are in host memory already"),
        (quantization != "none", f"quantization is {quantization}: accelerate trains no offloaded layer of bitsandbytes"),
        (spec.device_map is not None, f"device_map is {spec.device_map}, which places the layers itself"),
    ):
        if wrong:
            raise _refused(spec.offloaded_layers, why)


def placement(path: str, revision: str | None, layers: int, main: int | str, spare: str = HOST) -> dict[str, int | str]:
    """An explicit device map: the last `layers` decoder layers on `spare`, everything else on `main`.

    Args:
        path: Folder or hub id of the model.
        revision: Hub revision or None.
        layers: How many; at most all of them.
        main: Where training runs: a GPU's index (or ``cpu``).
        spare: ``cpu``, or ``disk`` (the model's own safetensors file).

    Raises:
        HarnessError: if the model does not keep its decoder layers in a list named ``layers``.
    """
    config = AutoConfig.from_pretrained(path, revision=revision, trust_remote_code=False)
    with torch.device("meta"):
        skeleton = AutoModelForCausalLM.from_config(config)
    prefix = skeleton.base_model_prefix
    decoder: Any = getattr(skeleton, prefix, None)
    if not isinstance(getattr(decoder, "layers", None), torch.nn.ModuleList):
        raise _refused(layers, f"{type(skeleton).__name__} has no {prefix}.layers")
    first = len(decoder.layers) - layers
    # Named one by one: a module without parameters (rotary_emb) is not covered by the check that accelerate makes.
    beside = [name for name, _ in skeleton.named_children() if name != prefix]
    beside += [f"{prefix}.{name}" for name, _ in decoder.named_children() if name != "layers"]
    return dict.fromkeys(beside, main) | {
        f"{prefix}.layers.{i}": main if i < first else spare for i in range(len(decoder.layers))
    }


def hide_from_redispatch(model: Any, main: int | str) -> None:
    """Keep PEFT from spreading the model anew (device_map="auto") when a checkpoint is resumed.

    A map of several entries stays: it is what keeps transformers and accelerate from moving the model to the GPU whole.
    """
    model.hf_device_map = dict.fromkeys(model.hf_device_map, main)


def _refused(layers: int, why: str) -> HarnessError:
    return HarnessError(
        f"{layers} layers cannot wait in host memory",
        why=why,
        fix="set model.offloaded_layers to 0, or train without quantization on a GPU",
    )
