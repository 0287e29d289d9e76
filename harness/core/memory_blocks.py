"""All blocks of a model in a training step: what the forward leaves for the backward, and the largest block on top of it.

Owns gradient checkpointing, layers with and without an attention mask, and gradients that appear block by block. What one
block needs is `harness.core.memory_block`'s.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.core.memory_block import BlockTape
from harness.core.memory_device import DeviceProfile
from harness.core.memory_tape import Tape, Walk
from harness.core.memory_weights import ADAPTER_BYTES, adapter_parameters
from harness.core.model_shape import ModelShape
from harness.core.workload import Workload

Terms = tuple[tuple[str, int], ...]
Kinds = list[tuple[int, Walk]]


@dataclass(frozen=True, slots=True)
class StepBlocks:
    """Bytes of activations and gradients in a step, weights aside.

    Attributes:
        saved: What the forward leaves for the backward.
        forward: The last block's forward.
        backward: The last block's backward; with checkpointing its second forward comes before it.
        end_of_backward: The first block's backward, when all gradients are there.
        block: The largest backward of one block.
    """

    saved: int
    forward: Terms
    backward: Terms
    end_of_backward: Terms
    block: int


def step_blocks(shape: ModelShape, workload: Workload, device: DeviceProfile, *, padded: bool) -> StepBlocks:
    """Walk a block of each kind and stack them."""
    params, layers = workload.params, shape.num_hidden_layers
    masked = _masked_layers(shape, params.max_length, padded=padded)
    tapes = [(count, _tape(shape, workload, device, mask)) for mask, count in ((True, masked), (False, layers - masked)) if count]
    kinds = [(count, tape.walk(accumulating=params.gradient_accumulation_steps > 1)) for count, tape in tapes]
    adapters = ADAPTER_BYTES * adapter_parameters(shape, params)
    missing = 0 if params.gradient_accumulation_steps > 1 else adapters * (layers - 1) // layers
    if params.gradient_checkpointing:
        checkpoint = _Checkpoint(
            workload.tokens * shape.hidden_size * device.compute_bytes,
            max(tape.unsaving() for _, tape in tapes),
            params.reentrant_checkpointing,
        )
        return _checkpointed(kinds, checkpoint, missing)
    first = 0 if shape.family.layer_norm or device.compute_bytes == 4 else 4 * workload.tokens * (shape.hidden_size + 1)
    return _saved(kinds, first, missing)


@dataclass(frozen=True, slots=True)
class _Checkpoint:
    """Bytes of a block's input and of its forward that saves nothing, and torch's `use_reentrant`."""

    residual: int
    forward: int
    reentrant: bool


def _saved(kinds: Kinds, first: int, missing: int) -> StepBlocks:
    """Everything stays, but for the input of the first norm: nothing before it is trained."""
    saved = sum(count * walk.saved for count, walk in kinds) - first
    forward = max((walk for _, walk in kinds), key=lambda walk: walk.forward - walk.saved)
    backward = max((walk for _, walk in kinds), key=lambda walk: walk.backward - walk.saved)
    return StepBlocks(
        saved,
        (("activations", saved - forward.saved), ("forward of one layer", forward.forward)),
        (("activations", saved - backward.saved), ("backward of one layer", backward.backward)),
        (("gradients of the other layers", missing), ("backward of one layer", max(walk.backward for _, walk in kinds))),
        max(walk.backward for _, walk in kinds),
    )


def _checkpointed(kinds: Kinds, checkpoint: _Checkpoint, missing: int) -> StepBlocks:
    """The inputs of all blocks stay, and what no hook sees.

    A block runs forward again before it runs backward. Its input is there already, and so is its output's gradient; the last
    products are left out once everything saved is there (`set_checkpoint_early_stop`). Reentrant it runs to its end, and
    its own output stays.
    """
    residual = checkpoint.residual
    saved = sum(count * (residual + (0 if checkpoint.reentrant else walk.kept)) for count, walk in kinds)
    output = residual if checkpoint.reentrant else 0
    backward = max(max(walk.forward - residual, walk.backward) for _, walk in kinds) + output
    return StepBlocks(
        saved,
        (("activations", saved - residual), ("forward of one layer", checkpoint.forward)),
        (("activations", saved), ("backward of one layer", backward)),
        (("gradients of the other layers", missing), ("activations", residual), ("backward of one layer", backward)),
        max(walk.backward for _, walk in kinds),
    )


def mask_bytes(shape: ModelShape, workload: Workload, *, padded: bool) -> int:
    """The masks that the model makes once and hands to its layers."""
    params = workload.params
    rows = params.per_device_train_batch_size * params.max_length**2
    if workload.attn_implementation == "eager":
        return 2 * rows
    sliding = 0 < shape.sliding_window < params.max_length
    return rows * (int(padded) + int(sliding))


def _masked_layers(shape: ModelShape, length: int, *, padded: bool) -> int:
    if padded:
        return shape.num_hidden_layers
    return shape.sliding_layers if 0 < shape.sliding_window < length else 0


def _tape(shape: ModelShape, workload: Workload, device: DeviceProfile, masked: bool) -> Tape:
    tape = BlockTape(shape, workload, device, autocast=device.autocast)
    tape.block(masked=masked)
    return tape.tape
