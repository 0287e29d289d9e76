"""The generation phase: key-value cache, the prompts' pass through the blocks, the last token, logits of one position.

Owns what writing suites adds to the weights.
"""

from __future__ import annotations

from harness.core.memory_block import BlockTape
from harness.core.memory_device import DeviceProfile
from harness.core.memory_weights import ADAPTER_BYTES, adapter_parameters
from harness.core.model_shape import ModelShape
from harness.core.params import Quantization
from harness.core.workload import PROMPTS_OF_A_PASS, ROOM, Workload, Writing

Terms = tuple[tuple[str, int], ...]


def writing_terms(shape: ModelShape, workload: Workload, device: DeviceProfile) -> Terms:
    """What is there at the worst moment of the largest batch of suites.

    The trainer's gradients and optimizer state count: nothing promises that they are gone. Over an unquantized base the
    adapters are merged first, one matrix at a time.
    """
    writing = workload.writing
    if writing is None:
        return ()
    keys = 2 * writing.batch_size * shape.key_size * device.compute_bytes  # and values
    layers = shape.num_hidden_layers
    # transformers copies the logits to fp32, and a sampler turns them into probabilities
    logits = ("logits of one token", writing.batch_size * shape.vocab_size * (2 * 4 + device.compute_bytes))
    read, last = writing.prompt_tokens + ROOM, writing.prompt_tokens + writing.max_new_tokens
    moments: tuple[Terms, ...] = (
        (("merging the adapters", _merge(shape, workload)),),
        (
            ("key-value cache", keys * (read * layers)),
            ("prompts in one layer", _pass(shape, workload, device, writing.prompt_tokens)),
            logits,
        ),
        (
            ("key-value cache", keys * ((last + ROOM) * layers + last)),  # a layer that grows is there twice
            ("last token in one layer", _pass(shape, workload, device, 1)),
            logits,
        ),
    )
    gradients = ("gradients", ADAPTER_BYTES * adapter_parameters(shape, workload.params))
    return (gradients, *max(moments, key=lambda terms: sum(size for _, size in terms)))


def _pass(shape: ModelShape, workload: Workload, device: DeviceProfile, tokens: int) -> int:
    """One block over so many tokens of each row; prompts differ in length, so they come with a mask.

    Source: `harness.trial.reading`; layers that forget are read in one pass.
    """
    writing = workload.writing or Writing(1, 1, 1)
    most = writing.batch_size if tokens == 1 or shape.sliding_window else PROMPTS_OF_A_PASS
    changed = workload.with_params(per_device_train_batch_size=min(writing.batch_size, most), max_length=tokens, lora_dropout=0.0)
    adapted = workload.params.quantization is not Quantization.NONE
    tape = BlockTape(shape, changed, device, autocast=False, adapted=adapted)
    tape.block(masked=tokens > 1 and (writing.batch_size > 1 or 0 < shape.sliding_window < tokens))
    return tape.tape.unsaving()


def _merge(shape: ModelShape, workload: Workload) -> int:
    """Source: peft, tuners/lora/layer.py get_delta_weight: B @ A and its scaled copy in fp32."""
    if workload.params.quantization is not Quantization.NONE:
        return 0
    return 2 * 4 * max(layer.weights for layer in shape.targets(workload.params.target_modules))
