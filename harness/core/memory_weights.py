"""What lies in memory through a whole training: weights with their constants, adapters, optimizer state.

Owns bytes per parameter. What comes and goes within a step is `harness.core.memory_block`'s and `memory_loss`'s.
"""

from __future__ import annotations

from harness.core.memory_device import DeviceProfile
from harness.core.memory_host import left_over_bytes
from harness.core.model_shape import Linear, ModelShape
from harness.core.params import Quantization, TrialParams
from harness.core.workload import Workload

ADAPTER_BYTES = 4
"""The trial keeps adapters in fp32 (TRL would cast them to bf16 over a quantized base)."""
_BLOCK = 256
_SMALL = 4096
_PAGED = 100_000


def weight_terms(shape: ModelShape, workload: Workload, device: DeviceProfile) -> tuple[tuple[str, int], ...]:
    """The frozen base.

    Layers that wait in host memory come one at a time where checkpointing lets go of them again; otherwise autograd keeps
    every copy for the backward, and nothing is won.
    """
    params = workload.params
    movable = params.gradient_checkpointing and params.quantization is Quantization.NONE
    moved = min(workload.offloaded_layers, shape.num_hidden_layers) if movable else 0
    layer = layer_bytes(shape, workload, device)
    resident = shape.num_hidden_layers - moved + (1 if moved else 0)
    return (
        ("linear weights", layer * resident),
        ("embeddings and norms", shape.other_parameters * device.compute_bytes),
        ("left over from quantizing", left_over_bytes(shape, params.quantization) if device.malloc_holes else 0),
    )


def layer_bytes(shape: ModelShape, workload: Workload, device: DeviceProfile) -> int:
    """Frozen linear weights of one block with their constants."""
    quantization = workload.params.quantization
    if quantization is Quantization.NONE:
        return sum(layer.weights for layer in shape.linears) * device.compute_bytes
    each = _int8_bytes if quantization is Quantization.INT8 else (_nf4_double_bytes if workload.double_quant else _nf4_bytes)
    return sum(each(layer) for layer in shape.linears)


def adapter_parameters(shape: ModelShape, params: TrialParams) -> int:
    """Source: LoRA, r * (in + out) for each target (arXiv 2106.09685)."""
    per_layer = sum(layer.in_features + layer.out_features for layer in shape.targets(params.target_modules))
    return params.r * shape.num_hidden_layers * per_layer


def optimizer_bytes(shape: ModelShape, params: TrialParams, device: DeviceProfile) -> int:
    """State of the optimizer; a name that is not known counts like Adam.

    Source: bitsandbytes, optim/optimizer.py init_state: a byte and an fp32 per 256 values, fp32 for tensors below 4096
    values; paged state of tensors from 100,000 values on lies in managed memory, which this counts all the same.
    """
    optim = params.optim
    moments = 0 if optim == "sgd" else 1 if "lion" in optim or optim in ("rmsprop", "adagrad", "adafactor") else 2
    if "8bit" not in optim or device.kind == "host":
        return moments * ADAPTER_BYTES * adapter_parameters(shape, params)
    targets = shape.targets(params.target_modules)
    counts = [params.r * width for layer in targets for width in (layer.in_features, layer.out_features)]
    return moments * shape.num_hidden_layers * sum(_eight_bit(count) for count in counts)


def step_bytes(shape: ModelShape, params: TrialParams, device: DeviceProfile) -> int:
    """Temporaries of an optimizer step.

    Source: torch, optim/adamw.py `_multi_tensor_adamw` (the default on CUDA): a square root of the second moment of all
    parameters at once; `_single_tensor_adamw` (on a CPU): one parameter after the other.
    """
    if params.optim != "adamw_torch":
        return 0
    if device.kind == "cuda":
        return ADAPTER_BYTES * adapter_parameters(shape, params)
    widths = [max(layer.in_features, layer.out_features) for layer in shape.targets(params.target_modules)]
    return 2 * ADAPTER_BYTES * params.r * max(widths)


def load_bytes(shape: ModelShape, params: TrialParams, device: DeviceProfile) -> int:
    """A host that converts a whole model to fp32 holds the 16-bit file beside the result while loading."""
    converting = device.kind == "host" and device.compute_bytes == 4 and params.quantization is Quantization.NONE
    return 2 * (shape.linear_parameters + shape.other_parameters) if converting else 0


def _eight_bit(count: int) -> int:
    return count + 4 * -(-count // _BLOCK) if count >= _SMALL else 4 * count


def _int8_bytes(layer: Linear) -> int:
    """Source: bitsandbytes Int8Params: one byte a weight, one fp32 scale an output row."""
    return layer.weights + 4 * layer.out_features


def _nf4_bytes(layer: Linear) -> int:
    """Source: bitsandbytes QuantState: 4 bits a weight, fp32 absmax per 64, a 16-entry fp32 code (4.5002 bit measured)."""
    return layer.weights // 2 + 4 * -(-layer.weights // 64) + 64


def _nf4_double_bytes(layer: Linear) -> int:
    """Source: bitsandbytes QuantState, nested: absmax in 8 bit, fp32 per 256 of them, code2 (4.1297 bit measured)."""
    blocks = -(-layer.weights // 64)
    return layer.weights // 2 + blocks + 4 * -(-blocks // 256) + 64 + 1024 + 4
