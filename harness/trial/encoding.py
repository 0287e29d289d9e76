"""From records to token ids: prompts through the model's chat template, and training examples that fit.

Owns what is masked out of the loss. The words come from `harness.core.prompts`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.core.errors import HarnessError
from harness.core.prompts import Message, answer, messages, prefill
from harness.core.records import Record
from harness.trial.spec import TrainSpec

IGNORED_LABEL = -100
"""PyTorch's cross-entropy skips this label."""


@dataclass(frozen=True, slots=True)
class Example:
    """One training sequence: prompt with prefill (masked), then the completion and the end of sequence."""

    input_ids: list[int]
    labels: list[int]


def read_records(path: str) -> list[Record]:
    """Read a JSONL file of `Record`s."""
    return [Record.from_dict(json.loads(line)) for line in Path(path).read_text("utf-8").splitlines() if line.strip()]


def prompt_ids(tokenizer: Any, chat: Sequence[Message], beginning: str) -> list[int]:
    """Token ids of a chat whose answer has begun with `beginning`.

    A tokenizer without chat template (a model that was never tuned to chat) gets the bare contents.
    """
    if tokenizer.chat_template:
        # enable_thinking: Qwen3's template opens a reasoning block otherwise; templates without it ignore the word.
        text = tokenizer.apply_chat_template(list(chat), tokenize=False, add_generation_prompt=True, enable_thinking=False)
    else:
        text = (tokenizer.bos_token or "") + "".join(f"{message['content']}\n\n" for message in chat)
    ids: list[int] = tokenizer(text + beginning, add_special_tokens=False)["input_ids"]
    return ids


def encode(tokenizer: Any, record: Record, spec: TrainSpec) -> Example | None:
    """The training example of a record with as many whole tests as fit; None when not even one does."""
    if not record.oracle_tests:
        return None
    prompt = prompt_ids(tokenizer, messages(record), prefill(record))
    for count in range(min(spec.max_tests_per_example, len(record.oracle_tests)), 0, -1):
        completion = [*tokenizer(answer(record, count), add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]
        fits = len(completion) <= spec.max_completion_tokens and len(prompt) + len(completion) <= spec.params.max_length
        if fits:
            return Example(prompt + completion, [IGNORED_LABEL] * len(prompt) + completion)
    return None


def encode_all(tokenizer: Any, records: Sequence[Record], spec: TrainSpec) -> list[Example]:
    """Every record that fits, in order; empty when none does."""
    return [example for record in records if (example := encode(tokenizer, record, spec)) is not None]


def nothing_fits(records: int, spec: TrainSpec) -> HarnessError:
    """The error of a training set without a single usable example."""
    return HarnessError(
        "no training example fits",
        why=f"{records} records, none within max_length={spec.params.max_length} tokens and "
        f"max_completion_tokens={spec.max_completion_tokens} with at least one oracle test",
        fix="raise max_length or max_completion_tokens, or use functions that have oracle tests",
    )
