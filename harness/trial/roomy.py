"""Keys and values in buffers with room: a step of writing puts its column there instead of copying all columns before it."""

from __future__ import annotations

from typing import Any

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from harness.core.workload import ROOM


class RoomyLayer(DynamicLayer):  # type: ignore[misc]
    """transformers' growing layer, which copies itself once in `ROOM` tokens and not at each."""

    keys: Any
    values: Any

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._buffers: list[Any] = []

    def update(self, key_states: Any, value_states: Any, *args: Any, **settings: Any) -> tuple[Any, Any]:
        """Keys and values of all tokens so far, ``(rows, heads, tokens, head size)``; views that the next call extends."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        before = self.get_seq_length()
        end = before + key_states.shape[-2]
        if not self._buffers or self._buffers[0].shape[-2] < end:
            old = (self.keys, self.values)
            self._buffers = [_grown(a, b, end + ROOM) for a, b in zip(old, (key_states, value_states), strict=True)]
        for buffer, new in zip(self._buffers, (key_states, value_states), strict=True):
            buffer[..., before:end, :] = new
        self.keys, self.values = (buffer[..., :end, :] for buffer in self._buffers)
        return self.keys, self.values

    def batch_repeat_interleave(self, repeats: int) -> None:
        """Every row as many times."""
        super().batch_repeat_interleave(repeats)
        self._buffers = []

    def batch_select_indices(self, indices: Any) -> None:
        """Only these rows, in this order."""
        super().batch_select_indices(indices)
        self._buffers = []


def roomy_cache(config: Any) -> DynamicCache:
    """An empty cache for a model; layers that forget (sliding windows) stay transformers' own."""
    cache = DynamicCache(config=config)
    cache.layers = [RoomyLayer() if type(layer) is DynamicLayer else layer for layer in cache.layers]
    return cache


def is_roomy(cache: Any) -> bool:
    """Whether all layers keep every token: rows can be put together, and be taken out, at any moment."""
    return bool(cache.layers) and all(isinstance(layer, RoomyLayer) for layer in cache.layers)


def _grown(old: Any, like: Any, length: int) -> Any:
    buffer = torch.empty((*like.shape[:-2], length, like.shape[-1]), dtype=like.dtype, device=like.device)
    if old.numel():
        buffer[..., : old.shape[-2], :] = old
    return buffer
