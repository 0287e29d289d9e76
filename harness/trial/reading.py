"""Reads prompts into a cache of keys and values: similar lengths together, so that little is spent on padding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from harness.core.workload import PROMPTS_OF_A_PASS
from harness.trial.roomy import is_roomy, roomy_cache

Passes = Sequence[tuple[Any, int]]
"""Numbers of rows, and the longest of them in tokens."""


def read_prompts(model: Any, inputs: dict[str, Any], each: int = 1) -> Any:
    """Keys and values of all tokens of the prompts but the last, each as often as it is continued.

    Args:
        model: Has `config`; is called like one of transformers.
        inputs: ``input_ids`` and ``attention_mask``, (rows, tokens), padded on the left.
        each: Continuations of each prompt.

    Returns:
        A cache with (rows * each, heads, tokens - 1, head size) in each layer; what stands for padding is masked, whatever it is.
        An empty one where nothing is gained by reading first: few prompts with one continuation each, or prompts of one token.
        None instead of an empty one for a model whose layers forget, or keep a state: it makes its own.
    """
    ids, mask = (inputs[name][:, :-1] for name in ("input_ids", "attention_mask"))
    cache = roomy_cache(model.config)
    passes = is_roomy(cache) and len(ids) > PROMPTS_OF_A_PASS
    if not ids.shape[1] or (each == 1 and not passes):
        return cache if is_roomy(cache) else None
    if passes:
        read_in_passes(model, ids, mask, cache, _passes(mask.sum(-1)))
    else:
        _pass(model, ids, mask, cache)
    if each > 1:
        cache.batch_repeat_interleave(each)
    return cache


def read_in_passes(model: Any, ids: Any, mask: Any, cache: Any, passes: Passes) -> None:
    """Fill an empty cache with what several passes read.

    Args:
        model: As in `read_prompts`.
        ids: (rows, tokens).
        mask: (rows, tokens).
        cache: Its layers keep every token.
        passes: Each row in one of them.
    """
    parts = []
    for rows, length in passes:
        part = roomy_cache(model.config)
        _pass(model, ids[rows, -length:], mask[rows, -length:], part)
        parts.append((rows, part))
    _put_together(cache, parts, mask.shape)


def _passes(lengths: Any) -> Passes:
    """The shortest prompts first."""
    return [(rows, max(1, int(lengths[rows].max()))) for rows in lengths.argsort().split(PROMPTS_OF_A_PASS)]


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
