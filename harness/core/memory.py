"""The peak memory of one trial before it runs, term by term. Pure arithmetic on integers, below 1 ms.

Owns the phases of a trial and which of them is the largest. Weights are `memory_weights`', blocks `memory_block`'s, the loss
`memory_loss`'s, writing `memory_writing`'s. Source: peak = context + fragmentation + max over phases of what is alive.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.core.memory_blocks import mask_bytes, step_blocks
from harness.core.memory_device import DeviceProfile
from harness.core.memory_host import malloc_holes
from harness.core.memory_loss import HeadTape
from harness.core.memory_tape import Walk
from harness.core.memory_weights import ADAPTER_BYTES, adapter_parameters, load_bytes, optimizer_bytes, step_bytes, weight_terms
from harness.core.memory_writing import writing_terms
from harness.core.model_shape import ModelShape, UnknownArchitectureError
from harness.core.workload import LossPath, Workload

__all__ = [
    "DeviceProfile",
    "LossPath",
    "MemoryEstimate",
    "ModelShape",
    "UnknownArchitectureError",
    "Workload",
    "estimate_peak",
]

Terms = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class MemoryEstimate:
    """A predicted peak.

    Attributes:
        terms: (name, bytes) of everything that is there at the peak; their sum is `total_bytes`.
        total_bytes: The peak.
        phase: When it is reached: ``load``, ``forward``, ``loss``, ``backward``, ``optimizer step`` or ``writing``.
        source: ``formula`` or ``tracer``.
    """

    terms: Terms
    total_bytes: int
    phase: str
    source: str = "formula"

    def largest(self, count: int) -> Terms:
        """The `count` largest terms, largest first."""
        return tuple(sorted(self.terms, key=lambda term: -term[1])[:count])


def estimate_peak(shape: ModelShape, workload: Workload, device: DeviceProfile, *, padded: bool = False) -> MemoryEstimate:
    """Predict the peak of a trial whose longest batch is full: `per_device_train_batch_size` x `max_length` tokens.

    Args:
        shape: The model.
        workload: What the trial does with it.
        device: Where.
        padded: Some example of the largest batch is shorter, and the model is told so by an attention mask: keys and
            values are then repeated for every head, and each layer keeps a mask of its own.
    """
    static = _static(shape, workload, device)
    recomputing = workload.params.gradient_checkpointing
    phases = {
        name: (*terms, ("fragmentation", _fragmentation(name, terms, device, recomputing)))
        for name, terms in _phases(shape, workload, device, padded).items()
    }
    phase = max(phases, key=lambda name: sum(size for _, size in phases[name]))
    terms = tuple(term for term in (*static, *phases[phase]) if term[1] > 0)
    return MemoryEstimate(terms, sum(size for _, size in terms), phase.removeprefix("end of "))


def _fragmentation(phase: str, terms: Terms, device: DeviceProfile, recomputing: bool) -> int:
    """What the allocator holds in holes. Checkpointing makes them while blocks run forward again, not elsewhere."""
    stepping = phase in ("forward", "loss", "backward", "end of backward")
    if stepping and device.malloc_holes:
        return 0
    percent = device.recompute_fragmentation_percent if recomputing and stepping else device.fragmentation_percent
    return sum(size for _, size in terms) * percent // 100


def _static(shape: ModelShape, workload: Workload, device: DeviceProfile) -> Terms:
    """What stays from the first step to the last."""
    params = workload.params
    return (
        ("context and libraries", device.context_bytes),
        ("workspace", device.workspace_bytes),
        *weight_terms(shape, workload, device),
        ("adapters", ADAPTER_BYTES * adapter_parameters(shape, params)),
        ("optimizer state", optimizer_bytes(shape, params, device)),
    )


def _phases(shape: ModelShape, workload: Workload, device: DeviceProfile, padded: bool) -> dict[str, Terms]:
    """What each phase adds."""
    params = workload.params
    gradients = ADAPTER_BYTES * adapter_parameters(shape, params)
    phases = _step_phases(shape, workload, device, padded)
    phases["optimizer step"] = (("gradients", gradients), ("optimizer temporaries", step_bytes(shape, params, device)))
    phases["load"] = (("weight file while loading", load_bytes(shape, params, device)),)
    if workload.writing is not None:
        phases["writing"] = writing_terms(shape, workload, device)
    return phases


def _step_phases(shape: ModelShape, workload: Workload, device: DeviceProfile, padded: bool) -> dict[str, Terms]:
    """Forward, loss and backward of the last block, and the end of the backward, at the first."""
    params = workload.params
    adapters = ADAPTER_BYTES * adapter_parameters(shape, params)
    blocks = step_blocks(shape, workload, device, padded=padded)
    head = _head_walk(shape, workload, device)
    copies = adapters // 2 if params.gradient_checkpointing and device.autocast else 0
    held = (
        ("gradients", adapters if params.gradient_accumulation_steps > 1 else 0),
        ("attention mask", mask_bytes(shape, workload, padded=padded)),
        ("malloc holes", malloc_holes(params.quantization, blocks.block) if device.malloc_holes else 0),
    )
    return {
        "forward": (*held, *blocks.forward, ("adapters under autocast", copies)),
        "loss": (*held, ("activations", blocks.saved), *_loss(copies, head)),
        "backward": (*held, *blocks.backward),
        "end of backward": (*held, *blocks.end_of_backward),
    }


def _loss(copies: int, head: Walk) -> Terms:
    """The copies of the adapters go when the forward leaves autocast."""
    if head.forward + copies > head.backward:
        return ("adapters under autocast", copies), ("loss", head.forward)
    return (("loss", head.backward),)


def _head_walk(shape: ModelShape, workload: Workload, device: DeviceProfile) -> Walk:
    tape = HeadTape(shape, workload, device, autocast=device.autocast)
    tape.head(workload)
    return tape.tape.walk(accumulating=False)
