"""nf4 on a CPU: weights that are repacked for fast reading pass no gradient on. Owns when they may be repacked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bitsandbytes.nn import Linear4bit


@contextmanager
def trainable_nf4(model: Any) -> Iterator[None]:
    """Inside, no 4-bit layer of the model is repacked.

    On CPUs with AVX512-BF16, bitsandbytes (0.50) repacks a 4-bit weight for good when it is first used without gradients in
    evaluation, as a validation loss between two steps does; from then on the layer passes no gradient to what lies
    below it, and a training goes on without learning there. Writing suites, after the training, may repack.
    """
    layers = [module for module in model.modules() if isinstance(module, Linear4bit)]
    able = [layer.support_avx512bf16_for_cpu for layer in layers]
    for layer in layers:
        layer.support_avx512bf16_for_cpu = False
    try:
        yield
    finally:
        for layer, was_able in zip(layers, able, strict=True):
            layer.support_avx512bf16_for_cpu = was_able
