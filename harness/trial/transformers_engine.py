"""Continues prompts with a model that transformers has loaded: in batches, with a key-value cache, each row up to its own end.

Of several continuations the prompt is read once: the rows go on from copies of the same keys and values. Many prompts are read in
passes of similar length. Rows that have ended are taken out every few tokens.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import GenerationConfig, LogitsProcessorList, StoppingCriteriaList

from harness.trial.drawing import Drawn, Nucleus
from harness.trial.engine import Continuation, Decoding, Ids, Seeds, TooManyRowsError
from harness.trial.failure import is_out_of_memory, last_line
from harness.trial.going import Ends, Rows
from harness.trial.reading import read_prompts
from harness.trial.widened import widened_products


@dataclass(frozen=True, slots=True)
class TransformersEngine:
    """An `Engine`.

    Attributes:
        model: Base or PEFT model, in evaluation mode.
        tokenizer: Its tokenizer, padding on the left.
    """

    model: Any
    tokenizer: Any

    def write(self, prompts: Sequence[Ids], seeds: Sequence[Seeds], how: Decoding) -> list[list[Continuation]]:
        """See `Engine.write`."""
        try:
            with torch.inference_mode(), widened_products(self.model.device.type):
                return self._write(prompts, seeds, how)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            raise TooManyRowsError(last_line(error)) from error

    def _write(self, prompts: Sequence[Ids], seeds: Sequence[Seeds], how: Decoding) -> list[list[Continuation]]:
        begun = time.monotonic()
        self.model.generation_config = _only_ends(self.model.generation_config)  # what is not given is taken from there
        rows = self._begin(prompts, seeds, how)
        length = rows.ids.shape[1]
        done: dict[int, Continuation] = {}
        while rows.numbers:
            ended = self._go_on(rows, length, how)
            for row, moment in ended.items():
                done[rows.numbers[row]] = Continuation(rows.ids[row, length:].tolist(), moment - begun)
            rows.leave(ended)
        numbers = iter(range(len(done)))
        return [[done[next(numbers)] for _ in own] for own in seeds]

    def _begin(self, prompts: Sequence[Ids], seeds: Sequence[Seeds], how: Decoding) -> Rows:
        padded = self.tokenizer.pad({"input_ids": list(prompts)}, padding=True, return_tensors="pt").to(self.model.device)
        each = len(seeds[0])
        cache = read_prompts(self.model, padded, each)
        ids, mask = (padded[name].repeat_interleave(each, dim=0) for name in ("input_ids", "attention_mask"))
        return Rows(list(range(len(ids))), ids, mask, cache, _draws(seeds, how))

    def _go_on(self, rows: Rows, length: int, how: Decoding) -> dict[int, float]:
        """Write until rows may be taken out, or all have ended; returns those that have and when they had."""
        ends = Ends(self.tokenizer, length, how, self._final())
        left = length + how.max_new_tokens - rows.ids.shape[1]
        steps = min(left, rows.steps or left)
        rows.ids = self.model.generate(
            **rows.inputs(),
            max_new_tokens=steps,
            do_sample=False,  # a row that draws is left the one token that was drawn for it
            pad_token_id=self.tokenizer.pad_token_id,
            stopping_criteria=StoppingCriteriaList([ends]),
            logits_processor=LogitsProcessorList([] if rows.draws is None else [rows.draws]),
        )
        now = time.monotonic()
        everyone = dict.fromkeys(range(len(rows.numbers)), now) if steps == left or ends.late else {}
        return everyone | ends.at

    def _final(self) -> list[int]:
        own = self.model.generation_config.eos_token_id
        return own if isinstance(own, list) else [] if own is None else [own]


def _only_ends(own: Any) -> Any:
    """A model's configuration without beams, penalties and forbidden tokens: where it begins and ends is left."""
    return GenerationConfig(bos_token_id=own.bos_token_id, eos_token_id=own.eos_token_id, pad_token_id=own.pad_token_id)


def _draws(seeds: Sequence[Seeds], how: Decoding) -> Drawn | None:
    rows = [seed for own in seeds for seed in own]
    return None if set(rows) == {None} else Drawn(rows, Nucleus(how.temperature, how.top_p))
