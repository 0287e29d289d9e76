"""Continues prompts with a model that transformers has loaded: in batches, with a key-value cache, each row up to its own end.

Of several continuations the prompt is read once: the rows go on from copies of the same keys and values. Many prompts are read in
passes of similar length.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import GenerationConfig, LogitsProcessorList, StoppingCriteria, StoppingCriteriaList

from harness.trial.drawing import Drawn, Nucleus
from harness.trial.engine import Decoding, Ids, Seeds, TooManyRowsError
from harness.trial.failure import is_out_of_memory, last_line
from harness.trial.reading import in_passes, read_prompts
from harness.trial.widened import widened_products

_STOP_WINDOW = 4
"""Last tokens that are looked at for the closing text; a tokenizer may spread it over three."""


class TextStop(StoppingCriteria):  # type: ignore[misc]
    """Ends each sequence of a batch at its own closing text; the finished rows are only padded from there.

    Args:
        tokenizer: To read the last tokens.
        prompt_length: Padded length of the prompts, in tokens.
        text: What closes a sequence.
    """

    def __init__(self, tokenizer: Any, prompt_length: int, text: str) -> None:
        self._tokenizer = tokenizer
        self._prompt_length = prompt_length
        self._text = text

    def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:
        """One boolean a row."""
        window = input_ids[:, max(self._prompt_length, input_ids.shape[1] - _STOP_WINDOW) :]
        tails = self._tokenizer.batch_decode(window, skip_special_tokens=True)
        return torch.tensor([self._text in tail for tail in tails], dtype=torch.bool, device=input_ids.device)


class Deadline(StoppingCriteria):  # type: ignore[misc]
    """Ends every row once the time is up.

    Args:
        until: Seconds since the epoch.
    """

    def __init__(self, until: float) -> None:
        self._until = until

    def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:
        """One boolean a row."""
        reached = time.time() >= self._until
        return torch.full((input_ids.shape[0],), reached, dtype=torch.bool, device=input_ids.device)


@dataclass(frozen=True, slots=True)
class TransformersEngine:
    """An `Engine`.

    Attributes:
        model: Base or PEFT model, in evaluation mode.
        tokenizer: Its tokenizer, padding on the left.
    """

    model: Any
    tokenizer: Any

    def write(self, prompts: Sequence[Ids], seeds: Sequence[Seeds], how: Decoding) -> list[list[Ids]]:
        """See `Engine.write`."""
        try:
            with torch.inference_mode(), widened_products(self.model.device.type):
                return self._write(prompts, seeds, how)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            raise TooManyRowsError(last_line(error)) from error

    def _write(self, prompts: Sequence[Ids], seeds: Sequence[Seeds], how: Decoding) -> list[list[Ids]]:
        padded = self.tokenizer.pad({"input_ids": list(prompts)}, padding=True, return_tensors="pt").to(self.model.device)
        inputs = {name: padded[name] for name in ("input_ids", "attention_mask")}
        each, length = len(seeds[0]), inputs["input_ids"].shape[1]
        read = length > 1 and (each > 1 or in_passes(self.model.config, len(prompts)))
        cache = {"past_key_values": read_prompts(self.model, inputs)} if read else {}
        if each > 1:
            inputs = {name: value.repeat_interleave(each, dim=0) for name, value in inputs.items()}
            for held in cache.values():
                held.batch_repeat_interleave(each)
        self.model.generation_config = _only_ends(self.model.generation_config)  # what is not given is taken from there
        output = self.model.generate(
            **inputs,
            **cache,
            max_new_tokens=how.max_new_tokens,
            do_sample=False,  # a row that draws is left the one token that was drawn for it
            pad_token_id=self.tokenizer.pad_token_id,
            stopping_criteria=StoppingCriteriaList(self._stops(length, how)),
            logits_processor=LogitsProcessorList(_draws(seeds, how)),
        )
        rows = iter(output[:, length:].tolist())
        return [[next(rows) for _ in own] for own in seeds]

    def _stops(self, length: int, how: Decoding) -> list[StoppingCriteria]:
        late = [] if how.until is None else [Deadline(how.until)]
        return [TextStop(self.tokenizer, length, how.stop), *late]


def _only_ends(own: Any) -> Any:
    """A model's configuration without beams, penalties and forbidden tokens: where it begins and ends is left."""
    return GenerationConfig(bos_token_id=own.bos_token_id, eos_token_id=own.eos_token_id, pad_token_id=own.pad_token_id)


def _draws(seeds: Sequence[Seeds], how: Decoding) -> list[Drawn]:
    rows = [seed for own in seeds for seed in own]
    return [] if set(rows) == {None} else [Drawn(rows, Nucleus(how.temperature, how.top_p))]
