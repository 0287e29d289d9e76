"""The cache of the writers beside transformers' own, and the draw of a token."""

from __future__ import annotations

import copy

import torch
from transformers import DynamicCache, LlamaConfig

from harness.trial.drawing import Drawn, Nucleus
from harness.trial.roomy import ROOM, roomy_cache

CONFIG = LlamaConfig(hidden_size=8, num_attention_heads=2, num_key_value_heads=2, num_hidden_layers=2)


def test_it_holds_what_transformers_own_cache_holds() -> None:
    draw = torch.Generator().manual_seed(0)
    caches = [roomy_cache(CONFIG), DynamicCache(config=CONFIG)]
    for length in [5, *[1] * (2 * ROOM + 3)]:
        for layer in (0, 1):
            keys, values = (torch.rand(2, 2, length, 4, generator=draw) for _ in range(2))
            ours, theirs = (cache.update(keys, values, layer) for cache in caches)
            assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))
    assert [cache.get_seq_length() for cache in caches] == [2 * ROOM + 8] * 2


def test_copies_go_on_by_themselves() -> None:
    cache, ones = roomy_cache(CONFIG), torch.ones(1, 2, 3, 4)
    cache.update(ones, ones, 0)
    copied = copy.deepcopy(cache)
    copied.batch_repeat_interleave(3)
    copied.update(2 * torch.ones(3, 2, 1, 4), 2 * torch.ones(3, 2, 1, 4), 0)
    assert copied.layers[0].keys[:, 0, :, 0].tolist() == [[1, 1, 1, 2]] * 3
    assert cache.get_seq_length() == 3


def test_a_row_draws_the_same_in_any_batch() -> None:
    scores = torch.randn(4, 500, generator=torch.Generator().manual_seed(1)) * 3
    nucleus = Nucleus(0.8, 0.9)
    whole, alone = Drawn([None, 1, 2, 3], nucleus), Drawn([2], nucleus)
    first, second = (whole(None, scores).argmax(-1) for _ in range(2))
    assert first[0] == second[0] == scores[0].argmax()
    assert [int(alone(None, scores[2:3]).argmax()) for _ in range(2)] == [int(first[2]), int(second[2])]


def test_what_lies_outside_of_the_nucleus_is_never_drawn() -> None:
    scores = torch.log(torch.tensor([[0.5, 0.3, 0.15, 0.05]]))
    draws = Drawn([7], Nucleus(1.0, 0.75))
    found = [int(draws(None, scores).argmax()) for _ in range(400)]
    assert set(found) == {0, 1}
    assert 0.55 < found.count(0) / len(found) < 0.7  # 0.5 of 0.8
