"""Attention as CUDA's fused kernels allocate it, and whether it gets a mask. Runs on fake tensors alone.

Owns what flash and memory-efficient attention keep for the backward and need during it, and the answers to questions
that transformers asks of a mask's values.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn import functional
from transformers import masking_utils

_ROUNDED_TOKENS = 128


@contextmanager
def cuda_attention() -> Iterator[None]:
    """Put CUDA's fused attention in the place of torch's choice for a CPU."""
    original = functional.scaled_dot_product_attention
    functional.scaled_dot_product_attention = _attention
    try:
        yield
    finally:
        functional.scaled_dot_product_attention = original


@contextmanager
def known_mask(padded: bool) -> Iterator[None]:
    """Tell transformers whether the batch's mask hides anything: a fake mask has no values to look at.

    Source: transformers/masking_utils.py, `_ignore_causal_mask_sdpa`: a mask that hides nothing is dropped.
    """
    originals = masking_utils.is_tracing, masking_utils.fast_all
    masking_utils.is_tracing = lambda *_: False
    masking_utils.fast_all = lambda _: not padded
    try:
        yield
    finally:
        masking_utils.is_tracing, masking_utils.fast_all = originals


def _attention(  # noqa: PLR0913 - the signature is torch's
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attn_mask: torch.Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> torch.Tensor:
    """Flash without a mask, memory-efficient with one.

    Source: torch, transformers/attention.cpp `convert_boolean_attn_mask`: every call makes an additive mask of its own.
    """
    bias = None
    if attn_mask is not None:
        bias = torch.empty(attn_mask.shape, dtype=query.dtype) if attn_mask.dtype == torch.bool else attn_mask
    return _FusedAttention.apply(query, key, value, bias)


class _FusedAttention(torch.autograd.Function):  # type: ignore[misc]
    """Keeps query, key, value, the output, the mask and the log-sum-exp in fp32.

    Source: torch, aten/src/ATen/native/transformers/cuda/flash_attn/flash_api.cpp `mha_fwd` and `mha_bwd`:
    an fp32 gradient of the queries and, with grouped heads, key and value gradients for every query head.
    """

    @staticmethod
    def forward(ctx: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        batch, heads, length, _ = query.shape
        out = _rows((batch, heads, length, value.shape[-1]), value.dtype)
        log_sum_exp = torch.empty(batch, heads, length, dtype=torch.float32)
        ctx.save_for_backward(query, key, value, bias, out, log_sum_exp)
        return out

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, None]:
        query, key, value, _, _, _ = ctx.saved_tensors
        batch, heads, length, width = query.shape
        rounded = -(-length // _ROUNDED_TOKENS) * _ROUNDED_TOKENS
        multiple = 32 if width <= 128 else 64
        sums = torch.empty(batch, heads, rounded, dtype=torch.float32)
        accumulator = torch.empty(batch, heads, rounded, -(-width // multiple) * multiple, dtype=torch.float32)
        made = [_rows(tuple(tensor.shape), tensor.dtype) for tensor in (query, key, value)]
        expanded = (
            [torch.empty(batch, key.shape[2], heads, width, dtype=key.dtype) for _ in range(2)] if key.shape[1] != heads else []
        )
        del sums, accumulator, expanded
        return made[0], made[1], made[2], None


def _rows(shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
    """A tensor of shape (batch, heads, length, width) that lies as (batch, length, heads, width)."""
    batch, heads, length, width = shape
    return torch.empty(batch, length, heads, width, dtype=dtype).transpose(1, 2)
