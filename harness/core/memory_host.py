"""What glibc's allocator holds on a CPU beside the tensors that are alive. Measured constants; nothing of it exists on a GPU.

Owns every figure of the estimate that was fitted rather than derived.
"""

from __future__ import annotations

from harness.core.model_shape import ModelShape
from harness.core.params import Quantization

_BLOCKS = {Quantization.NONE: 13, Quantization.INT8: 7, Quantization.NF4: 19}


def malloc_holes(quantization: Quantization, block_bytes: int) -> int:
    """Freed memory between live tensors that malloc does not give back in a training step.

    It grows with what one block makes and frees, not with what is alive, so it is the same with and without checkpointing;
    nf4 makes more of it, since every layer dequantizes its weights twice.

    Args:
        quantization: Of the base.
        block_bytes: Most that one block's backward has alive.

    Source: measured, real trials of SmolLM2-135M in bf16 and fp32, 128 to 1280 tokens a step: resident peak minus imports,
    minus live tensors, is 7 to 14 blocks (none) and 16 to 21 (nf4). With MALLOC_MMAP_THRESHOLD_=64 KiB it is gone (nf4 with
    checkpointing 1.33 GB, all of it imports and tensors, instead of 2.74 GB), at twice the time. The same trial twice
    differs by up to 9 %.
    """
    return _BLOCKS[quantization] * block_bytes


def left_over_bytes(shape: ModelShape, quantization: Quantization) -> int:
    """What turning a 16-bit file into int8 leaves resident beside the result.

    Source: measured as above. The file stays mapped, since the embedding is a view into it, and malloc keeps part of the
    freed copies; after nf4 it is taken up again by the first step.
    """
    return shape.linear_parameters * 9 // 4 if quantization is Quantization.INT8 else 0
