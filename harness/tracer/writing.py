"""The writing of suites over a fake model: one batch of prompts read, one token added at full length.

Owns the memory of generation; it runs without autocast, as `harness.trial.generation` does.
"""

from __future__ import annotations

from typing import Any

import torch

from harness.core.workload import PROMPTS_OF_A_PASS, ROOM, Writing
from harness.tracer.live_bytes import LiveBytes
from harness.trial.reading import read_in_passes
from harness.trial.roomy import is_roomy, roomy_cache


def write(model: Any, writing: Writing, live: LiveBytes) -> None:
    """Read the prompts, then decode the last token of the longest suites over a full cache whose buffers must grow.

    Source: transformers, generation/utils.py `_prefill` and `_sample`: logits of the last position, a copy in fp32.
    """
    base = model.get_base_model().eval()
    ending = writing.prompt_tokens + writing.max_new_tokens
    with torch.no_grad(), live.phase("writing"):
        shapes = _read_prompts(base, writing)
        _sample(base, writing.batch_size, 1, ending, _full_cache(base.config, shapes, ending - 1))


def _read_prompts(base: Any, writing: Writing) -> list[tuple[int, int, int]]:
    """Fill a cache, and let it go; returns batch, heads and width of each layer's keys."""
    cache, rows = roomy_cache(base.config), writing.batch_size
    if rows > PROMPTS_OF_A_PASS and is_roomy(cache):
        ids, mask = (torch.empty(rows, writing.prompt_tokens, dtype=torch.int64) for _ in range(2))
        passes = [(numbers, writing.prompt_tokens) for numbers in torch.arange(rows).split(PROMPTS_OF_A_PASS)]
        read_in_passes(base, ids, mask, cache, passes)
    else:
        _sample(base, rows, writing.prompt_tokens, writing.prompt_tokens, cache)
    return [(keys.shape[0], keys.shape[1], keys.shape[3]) for keys in (layer.keys for layer in cache.layers)]


def _sample(base: Any, batch: int, tokens: int, seen: int, cache: Any) -> torch.Tensor:
    ids = torch.empty(batch, tokens, dtype=torch.int64)
    mask = torch.empty(batch, seen, dtype=torch.int64)
    output = base(input_ids=ids, attention_mask=mask, past_key_values=cache, use_cache=True, logits_to_keep=1)
    return output.logits[:, -1, :].to(copy=True, dtype=torch.float32).argmax(dim=-1)


def _full_cache(config: Any, shapes: list[tuple[int, int, int]], length: int) -> Any:
    """A cache that has seen `length` tokens, in buffers without room for one more."""
    cache, first = roomy_cache(config), max(1, length - ROOM)
    for number, (batch, heads, width) in enumerate(shapes):
        for tokens in (first, length - first):
            keys, values = (torch.empty(batch, heads, tokens, width, dtype=config.dtype) for _ in range(2))
            cache.update(keys, values, number)
    return cache
