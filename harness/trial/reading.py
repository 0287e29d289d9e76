"""Reads prompts into a cache of keys and values: similar lengths together, so that little is spent on padding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from harness.trial.roomy import RoomyLayer, roomy_cache

TOGETHER = 8
"""Prompts of one pass. Reading is bound by arithmetic from some hundred tokens on: more at once are not faster, only padded."""


def in_passes(config: Any, prompts: int) -> bool:
    """Whether so many prompts are read in several passes: a model whose layers forget, or keep a state, reads them in one."""
    layers = roomy_cache(config).layers
    return prompts > TOGETHER and bool(layers) and all(isinstance(layer, RoomyLayer) for layer in layers)


def read_prompts(model: Any, inputs: dict[str, Any]) -> Any:
    """Keys and values of all tokens of the prompts but the last.

    Args:
        model: Has `config`; is called like one of transformers.
        inputs: ``input_ids`` and ``attention_mask``, (rows, tokens), padded on the left; two tokens at least.

    Returns:
        A cache with (rows, heads, tokens - 1, head size) in each layer; what stands for padding is masked, whatever it is.
    """
    ids, mask = (inputs[name][:, :-1] for name in ("input_ids", "attention_mask"))
    cache = roomy_cache(model.config)
    order = mask.sum(-1).argsort()
    if not in_passes(model.config, len(order)):
        _pass(model, ids, mask, cache)
        return cache
    parts = []
    for rows in order.split(TOGETHER):
        length = max(1, int(mask[rows].sum(-1).max()))
        part = roomy_cache(model.config)
        _pass(model, ids[rows, -length:], mask[rows, -length:], part)
        parts.append((rows, part))
    _put_together(cache, parts, mask.shape)
    return cache


def _pass(model: Any, ids: Any, mask: Any, cache: Any) -> None:
    positions = (mask.cumsum(-1) - 1).clamp(min=0)
    model(input_ids=ids, attention_mask=mask, position_ids=positions, past_key_values=cache, use_cache=True, logits_to_keep=1)


def _put_together(cache: Any, parts: Sequence[tuple[Any, Any]], shape: Sequence[int]) -> None:
    """Fill a cache layer by layer; a layer of the parts is given back before the next is taken."""
    for at, layer in enumerate(cache.layers):
        layer.update(
            *(_whole([(rows, getattr(part.layers[at], name)) for rows, part in parts], shape) for name in ("keys", "values"))
        )
        for _, part in parts:
            part.layers[at] = None


def _whole(pieces: Sequence[tuple[Any, Any]], shape: Sequence[int]) -> Any:
    first = pieces[0][1]
    whole = torch.zeros((shape[0], first.shape[1], shape[1], first.shape[-1]), dtype=first.dtype, device=first.device)
    for rows, piece in pieces:
        whole[rows, :, shape[1] - piece.shape[-2] :] = piece
    return whole
