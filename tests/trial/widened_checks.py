"""Products of bf16 by way of fp32. Run by test_child_parts.py."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as functional
from torch.utils._python_dispatch import TorchDispatchMode

from harness.trial.widened import FEWEST_ROWS, PIECE, WidenedProducts, widened_linear, widened_products

AVX2, AVX512 = "flags : fpu avx2\n", "flags : fpu avx2 avx512_bf16\n"


class Products(TorchDispatchMode):
    """Notes the dtype of every matrix that is multiplied."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[torch.dtype] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if "mm" in str(func):
            self.seen |= {one.dtype for one in args if isinstance(one, torch.Tensor)}
        return func(*args, **(kwargs or {}))


def multiplied(rows: int, dtype: torch.dtype = torch.bfloat16) -> set[torch.dtype]:
    layer = torch.nn.Linear(16, 32, dtype=dtype)
    with Products() as products, torch.no_grad(), WidenedProducts():
        assert layer(torch.ones(rows, 1, 16, dtype=dtype)).dtype == dtype
    return products.seen


def a_widened_product_is_the_product(_tiny: Path) -> None:
    draw = torch.Generator().manual_seed(0)
    for shape, outputs in (((3, 5, 40), 70), ((2, 2100, 40), 5000), ((9, PIECE // 600), 1300), ((4, 1, PIECE + 1), 2)):
        x, weight, bias = (torch.randn(*one, generator=draw).bfloat16() for one in (shape, (outputs, shape[-1]), (outputs,)))
        for added in (None, bias):
            exact = functional.linear(x.double(), weight.double(), None if added is None else added.double())
            found = widened_linear(x, weight, added)
            assert found.dtype == torch.bfloat16
            # half a step of bf16, and what fp32 sums of numbers around 1 lose
            torch.testing.assert_close(found.double(), exact, rtol=2**-8, atol=1e-2 if shape[-1] > PIECE else 1e-4)


def many_rows_of_bf16_are_multiplied_in_fp32(_tiny: Path) -> None:
    assert multiplied(FEWEST_ROWS) == {torch.float32}
    assert multiplied(FEWEST_ROWS - 1) == {torch.bfloat16}
    assert multiplied(FEWEST_ROWS, torch.float16) == {torch.float16}


def only_processors_without_bf16_widen(tiny: Path) -> None:
    cpuinfo = tiny / "cpuinfo"
    cpuinfo.write_text(AVX512)
    assert isinstance(widened_products("cpu", cpuinfo), nullcontext)
    cpuinfo.write_text(AVX2)
    assert isinstance(widened_products("cpu", cpuinfo), WidenedProducts)
    assert isinstance(widened_products("cuda", cpuinfo), nullcontext)


def a_quantized_weight_is_left_to_its_library(_tiny: Path) -> None:
    with WidenedProducts(), pytest.raises(RuntimeError):
        functional.linear(torch.ones(9, 4, dtype=torch.bfloat16), torch.ones(4, 4, dtype=torch.int8))
