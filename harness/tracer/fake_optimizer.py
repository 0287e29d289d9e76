"""Optimizers by their memory: torch's own where it can run on fake tensors, else state of the right size.

Owns optimizer state and the temporaries of a step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from harness.tracer.live_bytes import LiveBytes

_BLOCK = 256
_SMALL = 4096


def make_optimizer(optim: str, trained: Sequence[Any], device_kind: str) -> Any:
    """An object with `step`."""
    if optim in ("adamw_torch", "adamw_torch_fused"):
        foreach = device_kind == "cuda" and optim == "adamw_torch"
        if optim == "adamw_torch_fused":
            return _Sized(trained, lambda parameter: [4 * parameter.numel()] * 2 + [4])  # and a step count on the device
        return torch.optim.AdamW(list(trained), foreach=foreach)
    if optim == "sgd":
        return _Sized(trained, lambda parameter: [])
    moments = 1 if "lion" in optim or optim in ("rmsprop", "adagrad") else 2
    if "8bit" in optim:
        return _Sized(trained, _block_sizes(moments))
    return _Sized(trained, lambda parameter: [4 * parameter.numel()] * moments)


def forget_step_counts(optimizer: Any, live: LiveBytes) -> None:
    """An unfused optimizer of torch keeps its step counts on the host."""
    if isinstance(optimizer, torch.optim.Optimizer):
        for state in optimizer.state.values():
            live.forget(state["step"])


class _Sized:
    """State that is made at the first step and only takes place."""

    def __init__(self, trained: Sequence[Any], sizes: Callable[[Any], list[int]]) -> None:
        self._trained = trained
        self._sizes = sizes
        self._state: list[torch.Tensor] = []

    def step(self) -> None:
        """Make the state."""
        if not self._state:
            self._state = [torch.empty(size, dtype=torch.uint8) for p in self._trained for size in self._sizes(p)]


def _block_sizes(moments: int) -> Callable[[Any], list[int]]:
    """Source: bitsandbytes, optim/optimizer.py init_state: below 4096 values fp32, else a byte and an fp32 scale per 256."""

    def sizes(parameter: Any) -> list[int]:
        count = parameter.numel()
        if count < _SMALL:
            return [4 * count] * moments
        return [count, 4 * -(-count // _BLOCK)] * moments

    return sizes
