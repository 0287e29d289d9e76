"""bf16 on processors that cannot multiply it: products are made in fp32, a piece of the weights at a time.

torch multiplies bf16 there number by number, which costs 20 rows almost 20 times what one costs. Its sums are fp32 either way, so
what comes out is the same but for the order in which it was added up.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as functional
from torch.overrides import TorchFunctionMode

from harness.core.dtypes import bf16_flags
from harness.files.processor import CPUINFO, cpuinfo

FEWEST_ROWS = 8
"""Measured with weights of 576x576 to 49152x576 on 2 cores with AVX2: about as fast with 8 rows, two to three times as fast with
16, five to seven times with 1,600."""
PIECE = 1 << 20
"""Values of a piece in fp32, 4 MiB: what malloc gives out again at once. The fastest of five sizes for large weights."""
_MOST_ROWS = 2048
_THIN = 64
"""Rows up to which MKL is faster with the weight as the left matrix: 1.4 to 1.9 times at 8 to 32 rows, slower with thousands."""


class WidenedProducts(TorchFunctionMode):  # type: ignore[misc]
    """Inside, `torch.nn.functional.linear` of many rows and bf16 weights goes by way of fp32.

    The inputs may need no gradient: a piece is widened without one. It takes at most 24 MiB more than the product itself.
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Take what is a large product in bf16, let everything else be."""
        if func is functional.linear and not kwargs and _is_slow(args[0], args[1]):
            return widened_linear(*args)
        return func(*args, **(kwargs or {}))


def widened_products(device: str, kept: Path = CPUINFO) -> AbstractContextManager[Any]:
    """`WidenedProducts` on a CPU without bf16 instructions, nothing elsewhere.

    Args:
        device: Type of the device that the model is on.
        kept: What the processor says of itself.
    """
    if device != "cpu" or bf16_flags(cpuinfo(kept)):
        return nullcontext()
    return WidenedProducts()


def widened_linear(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
    """``x @ weight.T + bias``, multiplied and added up in fp32.

    Args:
        x: (..., columns) in 16 bits.
        weight: (outputs, columns) in 16 bits.
        bias: (outputs,) or None.

    Returns:
        (..., outputs) in the dtype of `x`.
    """
    rows = x.reshape(-1, x.shape[-1])
    out = x.new_empty(len(rows), len(weight))
    most = max(1, min(PIECE // weight.shape[1], _MOST_ROWS))
    for at in range(0, len(weight), most):
        piece = slice(at, at + most)
        wide, added = weight[piece].float(), None if bias is None else bias[piece].float()
        for part, into in zip(rows.split(most), out.split(most), strict=True):
            product = _product(part.float(), wide)
            into[:, piece] = product if added is None else product.add_(added)
    return out.view(*x.shape[:-1], len(weight))


def _product(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    return torch.mm(weight, x.t()).t() if len(x) <= _THIN else torch.mm(x, weight.t())


def _is_slow(x: torch.Tensor, weight: torch.Tensor) -> bool:
    return bool(x.dtype == weight.dtype == torch.bfloat16 and x.numel() >= FEWEST_ROWS * x.shape[-1])
