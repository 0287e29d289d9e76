"""From records to token ids: prompts through the model's chat template, and training examples that fit.

Owns what is masked out of the loss, and the rule for what is too long: whole tests are dropped from the end until an
example fits, and an example of which not even one test fits is dropped. The words come from `harness.core.prompts`; where
examples are kept is `harness.trial.token_sets`' business.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import TemplateError

from harness.core.errors import HarnessError
from harness.core.prompt_template import Template
from harness.core.prompts import Message, answer, prefill
from harness.core.records import Record
from harness.trial.examples import Wording
from harness.trial.spec import TrainSpec

IGNORED_LABEL = -100
"""PyTorch's cross-entropy skips this label."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What an example has to fit.

    Attributes:
        max_length: Tokens of prompt and completion.
        max_tests: Oracle tests in a completion.
        max_completion_tokens: Tokens of a completion, its end included.
    """

    max_length: int
    max_tests: int
    max_completion_tokens: int

    @classmethod
    def of(cls, spec: TrainSpec) -> Limits:
        """Those of a training."""
        return cls(spec.params.max_length, spec.max_tests_per_example, spec.max_completion_tokens)


@dataclass(frozen=True, slots=True)
class Example:
    """One training sequence: prompt with prefill (masked), then the completion and the end of sequence.

    Attributes:
        input_ids: Tokens; empty where nothing fits.
        labels: The same behind the prompt, `IGNORED_LABEL` in it.
        tests: Oracle tests in the completion; 0 where nothing fits.
        wanted: Oracle tests there would be without a limit of tokens.
    """

    input_ids: list[int]
    labels: list[int]
    tests: int
    wanted: int


def prompt_ids(tokenizer: Any, template: Template, chat: Sequence[Message], beginning: str) -> list[int]:
    """Token ids of a chat whose answer has begun with `beginning`.

    A template of completion style, and a tokenizer without chat template (a model that was never tuned to chat), get the
    bare contents, behind whatever the tokenizer itself puts before a text.

    Raises:
        HarnessError: if the model's chat template refuses the chat.
    """
    if template.style == "completion" or not tokenizer.chat_template:
        text = "".join(f"{message['content']}\n\n" for message in chat)
        return _head(tokenizer) + _ids(tokenizer, text + beginning)
    try:
        # enable_thinking: Qwen3's template opens a reasoning block otherwise; templates without it ignore the word.
        text = tokenizer.apply_chat_template(list(chat), tokenize=False, add_generation_prompt=True, enable_thinking=False)
    except TemplateError as error:
        roles = " -> ".join(message["role"] for message in chat)
        raise HarnessError(
            f"the model's chat template refuses the prompt template {template.identity}",
            why=f"{error} (roles: {roles})",
            fix="take a prompt template that this model's chat template allows: some know no system message",
        ) from error
    return _ids(tokenizer, text + beginning)


def encode(tokenizer: Any, record: Record, wording: Wording, limits: Limits) -> Example:
    """The training example of a record, with as many whole tests as fit."""
    wanted = min(limits.max_tests, len(record.oracle_tests))
    if wanted < 1:
        return Example([], [], 0, 0)
    prompt = prompt_ids(tokenizer, wording.template, wording.chat(record), prefill(record))
    room = min(limits.max_completion_tokens, limits.max_length - len(prompt))
    for tests in range(wanted if room > 0 else 0, 0, -1):
        completion = [*_ids(tokenizer, answer(record, tests)), tokenizer.eos_token_id]
        if len(completion) <= room:
            return Example(prompt + completion, [IGNORED_LABEL] * len(prompt) + completion, tests, wanted)
    return Example([], [], 0, wanted)


def _ids(tokenizer: Any, text: str) -> list[int]:
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return ids


def _head(tokenizer: Any) -> list[int]:
    """What the tokenizer puts before any text, such as a beginning-of-sequence token; what it puts behind is left out."""
    whole, bare = tokenizer("a")["input_ids"], _ids(tokenizer, "a")
    starts = range(len(whole) - len(bare) + 1)
    return next((whole[:start] for start in starts if whole[start : start + len(bare)] == bare), [])
