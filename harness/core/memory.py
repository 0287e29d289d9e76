"""The peak memory of one LoRA trial before it runs, term by term. Pure arithmetic on integers, well below 1 ms.

Owns the formula. `peak = always there + the largest phase`; a term is what a person can act on. The constants are
measured on real runs for the host, on CPU traces of the CUDA path for GPUs.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from harness.core.model_shape import Linear, ModelShape
from harness.core.params import Quantization, TrialParams

__all__ = ["DeviceProfile", "LossPath", "MemoryEstimate", "ModelShape", "estimate_peak"]

Terms = tuple[tuple[str, int], ...]

_MIB = 1 << 20
_ADAPTER_BYTES = 4
_TILE_TOKENS = 4096
_TILE_VOCABULARY = 32768


class LossPath(StrEnum):
    """How logits become a loss."""

    FUSED = "fused"  # TRL's default: tiles of 4096 tokens x 32768 words, never the whole logits
    LOGITS = "logits"  # transformers' ForCausalLMLoss


@dataclass(frozen=True, slots=True)
class DeviceProfile:
    """What a device adds to a model's own needs.

    Attributes:
        kind: ``cuda`` or ``host``.
        compute_bytes: Bytes of a weight that is not quantized: 2 (bf16, fp16) or 4 (fp32).
        context_bytes: Taken before the first tensor: the CUDA context, or Python with torch, transformers, TRL, PEFT
            and bitsandbytes. Best measured once per machine.
        workspace_bytes: Scratch of the matrix library that stays allocated.
        fragmentation_percent: Of the phase's memory, what the allocator holds without using it, at least.
        recompute_fragmentation_percent: The same with gradient checkpointing.
        double_quant: nf4 with quantized constants.
    """

    kind: str
    compute_bytes: int
    context_bytes: int
    workspace_bytes: int
    fragmentation_percent: int
    recompute_fragmentation_percent: int
    double_quant: bool = True

    @classmethod
    def cuda(cls, compute_bytes: int = 2, context_bytes: int = 600 * _MIB) -> DeviceProfile:
        """A GPU.

        Source: contexts of 700-800 MiB in reports of 2020, less with lazy module loading (CUDA 12.2); cuBLAS
        workspace 32 MiB on sm90, 8.125 before (torch, CUDABlas.cpp); the fragmentation is a guess until measured.
        """
        return cls("cuda", compute_bytes, context_bytes, 32 * _MIB, 6, 6)

    @classmethod
    def host(cls, compute_bytes: int = 2) -> DeviceProfile:
        """A CPU with the allocator of glibc.

        Source: measured on SmolLM2-135M with torch 2.13, transformers 5.23, TRL 1.16: 521 MiB resident after the
        imports, about 190 MiB more from the first step on; above the sum of the other terms 7-24 % of the phase in
        bf16, 46 % with checkpointing, 44 % in fp32. These are holes: with MALLOC_MMAP_THRESHOLD_=256 KiB they are gone
        (3.1 instead of 3.6 GB), at twice the CPU time.
        """
        return cls("host", compute_bytes, 521 * _MIB, 190 * _MIB, 17 if compute_bytes == 2 else 42, 42)


@dataclass(frozen=True, slots=True)
class MemoryEstimate:
    """A predicted peak.

    Attributes:
        terms: (name, bytes) of everything that is there at the peak; their sum is `total_bytes`.
        total_bytes: The peak.
        phase: When it is reached: ``loss``, ``backward``, ``optimizer step`` or ``load``.
    """

    terms: Terms
    total_bytes: int
    phase: str

    def largest(self, count: int) -> Terms:
        """The `count` largest terms, largest first."""
        return tuple(sorted(self.terms, key=lambda term: -term[1])[:count])


def estimate_peak(
    shape: ModelShape, params: TrialParams, device: DeviceProfile, loss_path: LossPath = LossPath.FUSED
) -> MemoryEstimate:
    """Predict the peak of a trial whose longest batch is full: `per_device_train_batch_size` x `max_length` tokens.

    Source: peak = context + fragmentation + max(P_loss, P_backward, P_optimizer), each with the static part.
    """
    static = _static(shape, params, device)
    phases = _phases(shape, params, device, loss_path)
    phase = max(phases, key=lambda name: sum(size for _, size in phases[name]))
    percent = device.recompute_fragmentation_percent if params.gradient_checkpointing else device.fragmentation_percent
    slack = sum(size for _, size in phases[phase]) * percent // 100
    terms = tuple(term for term in (*static, *phases[phase], ("fragmentation", slack)) if term[1] > 0)
    return MemoryEstimate(terms, sum(size for _, size in terms), phase)


def _static(shape: ModelShape, params: TrialParams, device: DeviceProfile) -> Terms:
    """What stays from the first step to the last."""
    adapter = _adapter_parameters(shape, params)
    return (
        ("context and libraries", device.context_bytes),
        ("workspace", device.workspace_bytes),
        ("linear weights", _linear_bytes(shape, params.quantization, device)),
        ("embeddings and norms", shape.other_parameters * device.compute_bytes),
        ("left over from quantizing", _left_over_bytes(shape, params.quantization, device)),
        ("adapters", adapter * (_ADAPTER_BYTES + (2 if _autocast(device) else 0))),
        ("gradients", adapter * _ADAPTER_BYTES),
        ("optimizer state", _optimizer_bytes(params.optim, adapter)),
    )


def _phases(shape: ModelShape, params: TrialParams, device: DeviceProfile, loss_path: LossPath) -> dict[str, Terms]:
    """What each phase of a step adds."""
    tokens = params.per_device_train_batch_size * params.max_length
    layer = tokens * _activation_bytes(shape, params, device)
    if params.gradient_checkpointing:
        saved, recomputed = 2 * tokens * shape.hidden_size * shape.num_hidden_layers * device.compute_bytes // 2, layer * 13 // 10
    else:
        saved, recomputed = layer * shape.num_hidden_layers, layer * 3 // 10
    activations, dequantized = ("activations", saved), ("dequantized weight", _dequantized(shape, params, device))
    return {
        "loss": (activations, ("loss", _loss_bytes(shape, tokens, device, loss_path))),
        "backward": (activations, ("backward of one layer", recomputed), dequantized),
        "optimizer step": (("optimizer temporaries", 2 * _ADAPTER_BYTES * _adapter_parameters(shape, params)),),
        "load": (("weight file while loading", _load_bytes(shape, device)),),
    }


def _autocast(device: DeviceProfile) -> bool:
    """The trial trains a GPU under autocast, a CPU in the weights' own type."""
    return device.kind == "cuda" and device.compute_bytes == 2


def _adapter_parameters(shape: ModelShape, params: TrialParams) -> int:
    """Source: LoRA, r * (in + out) for each target (arXiv 2106.09685)."""
    per_layer = sum(layer.in_features + layer.out_features for layer in shape.targets(params.target_modules))
    return params.r * shape.num_hidden_layers * per_layer


def _linear_bytes(shape: ModelShape, quantization: Quantization, device: DeviceProfile) -> int:
    """Bytes of the frozen linear weights with their constants."""
    if quantization is Quantization.NONE:
        return shape.linear_parameters * device.compute_bytes
    each = _int8_bytes if quantization is Quantization.INT8 else (_nf4_double_bytes if device.double_quant else _nf4_bytes)
    return shape.num_hidden_layers * sum(each(layer) for layer in shape.linears)


def _int8_bytes(layer: Linear) -> int:
    """Source: bitsandbytes Int8Params: one byte a weight, one fp32 scale an output row."""
    return layer.in_features * layer.out_features + 4 * layer.out_features


def _nf4_bytes(layer: Linear) -> int:
    """Source: bitsandbytes QuantState: 4 bits a weight, fp32 absmax per 64, a 16-entry fp32 code (4.5002 bit measured)."""
    weights = layer.in_features * layer.out_features
    return weights // 2 + 4 * -(-weights // 64) + 64


def _nf4_double_bytes(layer: Linear) -> int:
    """Source: bitsandbytes QuantState, nested: absmax in 8 bit, fp32 per 256 of them, code2 (4.1297 bit measured)."""
    weights = layer.in_features * layer.out_features
    blocks = -(-weights // 64)
    return weights // 2 + blocks + 4 * -(-blocks // 256) + 64 + 1024 + 4


def _left_over_bytes(shape: ModelShape, quantization: Quantization, device: DeviceProfile) -> int:
    """What quantizing a 16-bit file on the host leaves resident beside the result.

    Source: measured. The file stays mapped, since the embedding is a view into it; the allocator keeps half (int8) to
    all (nf4) of the freed 16-bit copies.
    """
    if device.kind == "cuda" or device.compute_bytes != 2 or quantization is Quantization.NONE:
        return 0
    return shape.linear_parameters * (4 if quantization is Quantization.NF4 else 3)


def _load_bytes(shape: ModelShape, device: DeviceProfile) -> int:
    """A host that converts to fp32 holds the 16-bit file beside the result while loading."""
    whole = shape.linear_parameters + shape.other_parameters
    return 2 * whole if device.kind == "host" and device.compute_bytes == 4 else 0


def _optimizer_bytes(optim: str, adapter: int) -> int:
    """Bytes of optimizer state; what is unknown counts as Adam. Paged state counts in full: it may all be resident.

    Source: bitsandbytes 8-bit states: one byte and an fp32 absmax per 256, for each of the moments.
    """
    moments = 0 if optim == "sgd" else 1 if "lion" in optim or optim in ("rmsprop", "adagrad", "adafactor") else 2
    if "8bit" in optim:
        return moments * (adapter + 4 * -(-adapter // 256))
    return moments * _ADAPTER_BYTES * adapter


def _activation_bytes(shape: ModelShape, params: TrialParams, device: DeviceProfile) -> int:
    """Saved for the backward of one layer, per token.

    Source: least squares over traces of 7 shapes (CUDA, autocast: 18h + 8I + 14q + 4kv + 14r + 500 for all seven
    targets, 10q without q/k norm); storages seen by saved_tensors_hooks on SmolLM2-135M (host: 37.4 kB in bf16,
    40.4 kB in fp32, 19.7 kB more with dropout, all exact to 0.2 %).
    """
    h, i, q, kv = shape.hidden_size, shape.intermediate_size, shape.query_size, shape.key_size
    targets = shape.targets(params.target_modules)
    inputs = sum(layer.in_features for layer in targets)
    dropout = 4 * inputs if params.lora_dropout > 0 else 0
    if _autocast(device):
        norm = 4 * q if shape.has_qk_norm else 0
        return 8 * h + 6 * i + 8 * q + 4 * kv + norm + 2 * inputs + 2 * params.r * len(targets) + 500 + dropout
    norm = 4 * (q + kv) if shape.has_qk_norm else 0
    ranks = 4 * params.r * len(targets) + 4 * shape.num_attention_heads + 16
    if device.compute_bytes == 2:
        return 8 * h + 6 * i + 4 * q + 4 * kv + norm + 4 * inputs + ranks + dropout
    shared = 4 * sum({layer.reads: layer.in_features for layer in targets if layer.reads != "attention"}.values())
    return 8 * h + 12 * i + 8 * q + 8 * kv + norm + shared + ranks + dropout


def _loss_bytes(shape: ModelShape, tokens: int, device: DeviceProfile, loss_path: LossPath) -> int:
    """Bytes that turning hidden states into a loss, and back, takes at once.

    Source: trl/kernels/chunked_logprob.py: the tile in the compute type, and on a CPU seven fp32 copies of it and a
    mask in `_backward_tile` (31.0 B a value measured); transformers ForCausalLMLoss: 3.5 fp32 logits (measured 3.5),
    and under autocast half a copy more by accelerate's ConvertOutputsToFp32.
    """
    if loss_path is LossPath.LOGITS:
        return tokens * shape.vocab_size * (16 if _autocast(device) else 14)
    tile = min(tokens, _TILE_TOKENS) * min(shape.vocab_size, _TILE_VOCABULARY)
    per_value = device.compute_bytes + (29 if device.kind == "host" else 0)
    return tile * per_value + tokens * shape.hidden_size * (4 + device.compute_bytes)


def _dequantized(shape: ModelShape, params: TrialParams, device: DeviceProfile) -> int:
    """Source: bitsandbytes autograd: backward turns one whole weight back into the compute type (fp32 for nf4 on a CPU)."""
    if params.quantization is Quantization.NONE:
        return 0
    each = 4 if device.kind == "host" else device.compute_bytes
    return each * max(layer.in_features * layer.out_features for layer in shape.linears)
