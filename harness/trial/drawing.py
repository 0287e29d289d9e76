"""Draws the next token of every row from random numbers of its own, which depend on what is written for alone.

transformers draws all rows from one stream, after sorting the whole vocabulary of each; here a row is the same in any batch, and
only the likeliest `TOP_K` tokens are looked at.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import LogitsProcessor

from harness.core.records import Record

TOP_K = 64
"""Tokens that are drawn from, at most: what lies behind them is a few thousandths of the probability."""


@dataclass(frozen=True, slots=True)
class Nucleus:
    """What is drawn from: after the temperature, the smallest set of tokens with this share of the probability.

    Source: Holtzman et al., "The Curious Case of Neural Text Degeneration", 2020 (top-p sampling).
    """

    temperature: float
    top_p: float


class Drawn(LogitsProcessor):  # type: ignore[misc]
    """Leaves every row the one token that was drawn for it; with greedy decoding behind it, that is sampling.

    Args:
        seeds: Of each row; None takes the likeliest token.
        nucleus: What is drawn from.
    """

    def __init__(self, seeds: Sequence[int | None], nucleus: Nucleus) -> None:
        self._streams = [None if seed is None else torch.Generator().manual_seed(seed) for seed in seeds]
        self._nucleus = nucleus

    def keep(self, rows: Sequence[int]) -> None:
        """Only these rows go on, in this order, each with the numbers that it would have had."""
        self._streams = [self._streams[row] for row in rows]

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """Scores, ``(rows, vocabulary)``: 0 for the drawn token, minus infinity for the others."""
        likely, tokens = torch.topk(scores.float(), min(TOP_K, scores.shape[-1]), dim=-1)
        shares = torch.softmax(likely / self._nucleus.temperature, dim=-1)
        reached = shares.cumsum(-1)
        inside = reached - shares < self._nucleus.top_p
        kept = shares * inside
        numbers = [0.0 if one is None else float(torch.rand(1, generator=one)) for one in self._streams]
        wanted = torch.tensor(numbers, device=scores.device)[:, None] * kept.sum(-1, keepdim=True)
        at = (kept.cumsum(-1) <= wanted).sum(-1, keepdim=True).clamp(max=likely.shape[-1] - 1)
        at = torch.minimum(at, inside.sum(-1, keepdim=True) - 1)
        return torch.full_like(scores, float("-inf")).scatter(1, tokens.gather(1, at), 0.0)


def row_seed(record: Record, number: int) -> int:
    """Of the function's own content and the number of the suite."""
    return int(hashlib.sha256(f"{record.digest}:{record.entry_point}:{number}".encode()).hexdigest()[:8], 16)
