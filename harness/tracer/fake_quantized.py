"""Linear layers with quantized weights that are only sizes, and autograd functions that allocate what bitsandbytes does.

Owns the memory of nf4 and int8 layers, on CUDA and on a CPU. Computes nothing: runs on fake tensors alone.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional
from transformers.pytorch_utils import Conv1D

_BLOCK = 64
_NESTED_BLOCK = 256
_KERNEL_TOKENS = 4
"""Up to here every GPU multiplies without a whole weight; above it depends on the GPU, and the larger case is taken."""


def features(layer: nn.Module) -> tuple[int, int]:
    """Features in and out of a linear layer, transformers' transposed kind among them."""
    rows, columns = layer.weight.shape
    return (rows, columns) if isinstance(layer, Conv1D) else (columns, rows)


class Nf4Linear(nn.Module):  # type: ignore[misc]
    """A weight in 4 bit with its constants.

    Source: bitsandbytes, nn/modules.py Linear4bit and functional.py QuantState.
    """

    def __init__(self, layer: nn.Module, double_quant: bool, dtype: torch.dtype) -> None:
        super().__init__()
        self.in_features, self.out_features = features(layer)
        self.dtype = dtype
        blocks = -(-self.in_features * self.out_features // _BLOCK)
        self.weight = nn.Parameter(torch.empty(blocks * _BLOCK // 2, 1, dtype=torch.uint8), requires_grad=False)
        self.bias = layer.bias
        self.double_quant = double_quant
        sizes = {"absmax": (blocks, torch.uint8 if double_quant else torch.float32), "code": (16, torch.float32)}
        if double_quant:
            nested = -(-blocks // _NESTED_BLOCK)
            sizes |= {"absmax2": (nested, torch.float32), "code2": (256, torch.float32), "offset": (1, torch.float32)}
        for name, (count, kind) in sizes.items():
            self.register_buffer(name, torch.empty(count, dtype=kind))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Source: Linear4bit.forward: everything in the compute type, out in the type that came in."""
        return _Nf4MatMul.apply(x.to(self.dtype), self.weight, self).to(x.dtype)

    def scales(self) -> torch.Tensor:
        """fp32 scales, made anew where they are quantized themselves."""
        return torch.empty_like(self.absmax, dtype=torch.float32) if self.double_quant else self.absmax

    def dequantized(self) -> torch.Tensor:
        """The whole weight."""
        return torch.empty(self.out_features, self.in_features, dtype=self.dtype)


class _Nf4MatMul(torch.autograd.Function):  # type: ignore[misc]
    """Source: bitsandbytes, autograd/_functions.py MatMul4Bit, backends/cuda/ops.py _dequant_linear_fallback.

    Nothing of the input is kept. The backward always needs the whole weight.
    """

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, layer: Nf4Linear) -> torch.Tensor:
        ctx.layer = layer
        if x.numel() // layer.in_features <= _KERNEL_TOKENS:
            return x.new_empty(*x.shape[:-1], layer.out_features)
        scales = layer.scales()
        if layer.double_quant:
            shifted = scales + layer.offset  # both live until the product is there
        whole = layer.dequantized()
        out = functional.linear(x, whole, layer.bias)
        del whole, scales
        if layer.double_quant:
            del shifted
        return out

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        scales = ctx.layer.scales()
        whole = ctx.layer.dequantized()
        del scales
        return torch.matmul(grads[0], whole.to(grads[0].dtype)), None, None


class Int8Linear(nn.Module):  # type: ignore[misc]
    """A weight in 8 bit with one fp32 scale an output row.

    Source: bitsandbytes, nn/modules.py Linear8bitLt.
    """

    def __init__(self, layer: nn.Module, on_cuda: bool) -> None:
        super().__init__()
        self._matmul = _Int8MatMul if on_cuda else _Int8MatMulHost
        self.in_features, self.out_features = features(layer)
        rows = torch.empty(self.out_features, self.in_features, dtype=torch.int8)
        self.weight = nn.Parameter(rows, requires_grad=False)
        self.bias = layer.bias
        self.register_buffer("scales", torch.empty(self.out_features, dtype=torch.float32))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Source: Linear8bitLt.forward."""
        return self._matmul.apply(x, self.weight, self)

    def dequantized(self, dtype: torch.dtype) -> torch.Tensor:
        """The whole weight."""
        return self.weight.to(dtype, copy=True).mul_(self.scales.unsqueeze(1).mul(1.0 / 127.0))


class _Int8MatMul(torch.autograd.Function):  # type: ignore[misc]
    """Source: bitsandbytes, autograd/_functions.py MatMul8bitLt with threshold 6, no outlier found.

    The input is kept as an attribute of the context, not by `save_for_backward`: gradient checkpointing does not see
    it, so it stays from the first forward to the backward even there.
    """

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, layer: Int8Linear) -> torch.Tensor:
        flat = x.reshape(-1, x.shape[-1])
        quantized, scales = _quantize_rows(flat.to(torch.float16))
        product = torch.empty(flat.shape[0], layer.out_features, dtype=torch.int32)
        half = torch.empty_like(product, dtype=torch.float16)
        if layer.bias is not None:
            half.add_(layer.bias)
        out = half.to(x.dtype)
        del half, product, quantized, scales
        ctx.tensors, ctx.layer, ctx.shape = flat, layer, x.shape
        return out.reshape(*x.shape[:-1], layer.out_features)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        grad = grads[0].reshape(-1, grads[0].shape[-1]).contiguous()
        dtype = ctx.tensors.dtype
        return torch.matmul(grad.to(dtype), ctx.layer.dequantized(dtype)).view(ctx.shape), None, None


class _Int8MatMulHost(_Int8MatMul):
    """Source: bitsandbytes, autograd/_functions.py MatMul8bitFp: on a CPU the forward, too, makes the whole weight."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, layer: Int8Linear) -> torch.Tensor:
        ctx.tensors, ctx.layer, ctx.shape = x, layer, x.shape
        return functional.linear(x, layer.dequantized(x.dtype), layer.bias)


def _quantize_rows(half: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Source: bitsandbytes, backends/cuda/ops.py int8_vectorwise_quant."""
    stats = torch.empty(half.shape[0], dtype=torch.float32)
    rows = torch.empty(half.shape, dtype=torch.int8)
    outliers = half.abs() >= 6.0
    del outliers
    return rows, stats
