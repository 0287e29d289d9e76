"""The generation phase: key-value cache, the prompts' pass through the blocks, the last token, logits of one position.

Owns what writing suites adds to the weights.
"""

from __future__ import annotations

from harness.core.memory_block import BlockTape
from harness.core.memory_device import DeviceProfile
from harness.core.memory_weights import ADAPTER_BYTES, adapter_parameters
from harness.core.model_shape import ModelShape
from harness.core.params import Quantization
from harness.core.workload import Workload, Writing

Terms = tuple[tuple[str, int], ...]


def writing_terms(shape: ModelShape, workload: Workload, device: DeviceProfile) -> Terms:
    """What is there at the worst moment of the largest batch of suites.

    The trainer's gradients and optimizer state count: nothing promises that they are gone. Over an unquantized base the
    adapters are merged first, one matrix at a time.
    """
    writing = workload.writing
    if writing is None:
        return ()
    keys = writing.batch_size * shape.key_size * device.compute_bytes
    layers = shape.num_hidden_layers
    # transformers copies the logits to fp32, and a sampler turns them into probabilities
    logits = ("logits of one token", writing.batch_size * shape.vocab_size * (2 * 4 + device.compute_bytes))
    whole = keys * (writing.prompt_tokens + writing.max_new_tokens)
    moments: tuple[Terms, ...] = (
        (("merging the adapters", _merge(shape, workload)),),
        (
            ("key-value cache", keys * writing.prompt_tokens * 2 * layers),
            ("prompts in one layer", _pass(shape, workload, device, writing.prompt_tokens)),
            logits,
        ),
        (
            ("key-value cache", whole * (2 * layers + 1)),  # one layer's is copied to append a token
            ("last token in one layer", _pass(shape, workload, device, 1)),
            logits,
        ),
    )
    gradients = ("gradients", ADAPTER_BYTES * adapter_parameters(shape, workload.params))
    return (gradients, *max(moments, key=lambda terms: sum(size for _, size in terms)))


def _pass(shape: ModelShape, workload: Workload, device: DeviceProfile, tokens: int) -> int:
    """One block over a batch of so many tokens each; prompts differ in length, so they come with a mask."""
    writing = workload.writing or Writing(1, 1, 1)
    changed = workload.with_params(per_device_train_batch_size=writing.batch_size, max_length=tokens, lora_dropout=0.0)
    adapted = workload.params.quantization is not Quantization.NONE
    tape = BlockTape(shape, changed, device, autocast=False, adapted=adapted)
    tape.block(masked=tokens > 1 and (writing.batch_size > 1 or 0 < shape.sliding_window < tokens))
    return tape.tape.unsaving()


def _merge(shape: ModelShape, workload: Workload) -> int:
    """Source: peft, tuners/lora/layer.py get_delta_weight: B @ A and its scaled copy in fp32."""
    if workload.params.quantization is not Quantization.NONE:
        return 0
    return 2 * 4 * max(layer.weights for layer in shape.targets(workload.params.target_modules))
