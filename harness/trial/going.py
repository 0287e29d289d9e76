"""Rows of a batch that go on: who ends, when, and who is left when the ended ones are taken out.

A row that has ended would otherwise be calculated, as padding, up to the end of the longest.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import StoppingCriteria

from harness.trial.drawing import Drawn
from harness.trial.engine import Decoding
from harness.trial.roomy import is_roomy

STEPS = 32
"""Tokens after which the ended rows are taken out: beginning anew costs less than one step."""
_STOP_WINDOW = 4
"""Last tokens that are looked at for the closing text; a tokenizer may spread it over three."""


class Ends(StoppingCriteria):  # type: ignore[misc]
    """Ends each sequence of a batch at its own closing text, all when the time is up, and notes when each was there.

    Args:
        tokenizer: To read the last tokens.
        prompt_length: Padded length of the prompts, in tokens.
        how: Text and time.
        final: Tokens that end a sequence wherever they stand.

    Attributes:
        at: Row -> `time.monotonic` when it ended, by its text or by a token that ends sequences.
    """

    def __init__(self, tokenizer: Any, prompt_length: int, how: Decoding, final: Sequence[int]) -> None:
        self._tokenizer = tokenizer
        self._prompt_length = prompt_length
        self._how = how
        self._final = frozenset(final)
        self.at: dict[int, float] = {}

    def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:
        """One boolean a row."""
        window = input_ids[:, max(self._prompt_length, input_ids.shape[1] - _STOP_WINDOW) :]
        closed = [self._how.stop in tail for tail in self._tokenizer.batch_decode(window, skip_special_tokens=True)]
        now = time.monotonic()
        for row, (text, last) in enumerate(zip(closed, input_ids[:, -1].tolist(), strict=True)):
            if text or last in self._final:
                self.at.setdefault(row, now)
        return torch.tensor(closed, dtype=torch.bool, device=input_ids.device) | self.late

    @property
    def late(self) -> bool:
        """Whether the time is up."""
        return self._how.until is not None and time.time() >= self._how.until


@dataclass(slots=True)
class Rows:
    """Rows that go on together.

    Attributes:
        numbers: Of each row, in the batch as it was begun.
        ids: Tokens so far, (rows, tokens), padded on the left.
        mask: 0 for padding, (rows, tokens of the prompts).
        cache: Keys and values of all tokens but the last, or of none; None where the model keeps them in its own way.
        draws: What draws, if anything does.
    """

    numbers: list[int]
    ids: Any
    mask: Any
    cache: Any
    draws: Drawn | None

    @property
    def steps(self) -> int | None:
        """Tokens after which the ended rows can be taken out; None where they cannot."""
        return None if self.cache is None or not is_roomy(self.cache) else STEPS

    def inputs(self) -> dict[str, Any]:
        """What the model is given."""
        written = torch.ones_like(self.ids[:, self.mask.shape[1] :])
        held = {} if self.cache is None else {"past_key_values": self.cache}
        return {"input_ids": self.ids, "attention_mask": torch.cat([self.mask, written], dim=1), **held}

    def leave(self, ended: Collection[int]) -> None:
        """Take rows out."""
        left = [row for row in range(len(self.numbers)) if row not in ended]
        if len(left) == len(self.numbers):
            return
        self.numbers = [self.numbers[row] for row in left]
        self.ids, self.mask = self.ids[left], self.mask[left]
        if self.draws is not None:
            self.draws.keep(left)
        if self.cache is not None and left:
            self.cache.batch_select_indices(torch.tensor(left, device=self.ids.device))
