"""Owns the counting of tokens: which tokenizer, of which records, and what a `max_length` would cut. Imports no torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Tokenizer

from harness.core.errors import HarnessError
from harness.core.prompt_template import Template
from harness.core.prompts import answer
from harness.core.records import Record
from harness.data.inspection.facts import prompt_text
from harness.data.inspection.parts import Limit
from harness.data.lengths import TEMPLATE_TOKENS
from harness.data.models import resolve_model, tokenizer_file
from harness.data.quickstart import QUICKSTART_NAME
from harness.files.places import expanded

MOST = 1000
"""Records that are tokenised; of a larger source a seeded sample of so many."""

_BATCH = 256


@dataclass(frozen=True, slots=True)
class Training:
    """What a sweep file says about training examples; the defaults are those of a sweep file.

    Attributes:
        template: Of the prompts.
        max_tests: Tests in one answer, at most.
        max_lengths: Every `max_length` that is of interest; ascending.
        max_completion: Tokens of one answer, at most; None without a sweep.
    """

    template: Template
    max_tests: int = 5
    max_lengths: tuple[int, ...] = ()
    max_completion: int | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose tokenizer.

    Attributes:
        name: A tokenizer.json, a model's folder, its hub id, or its embedded name.
        revision: Of a hub id.
    """

    name: str
    revision: str | None = None


@dataclass(frozen=True, slots=True)
class Counted:
    """Tokens of a sample of records, chat marks apart.

    Attributes:
        lengths: ``prompt``, ``suite``, ``example`` (prompt and answer) -> tokens of each record that has it, in order.
        limits: What each `max_length` does; the chat template's marks count as `TEMPLATE_TOKENS` there.
    """

    lengths: Mapping[str, tuple[int, ...]]
    limits: tuple[Limit, ...]


def open_tokenizer(asked: Asked | None, root: Path, say: Callable[[str], None]) -> tuple[Tokenizer | None, str, str]:
    """A tokenizer, its name, and where it comes from or why there is none.

    Args:
        asked: Whose; None for the embedded model's where that is there already.
        root: The cache folder.
        say: Told what takes time.

    Raises:
        HarnessError: what was asked for is not there, or is no tokenizer.
    """
    if asked is None:
        # Not resolve_model: converting the embedded model takes half a minute, which counting tokens is not worth.
        found = sorted((root / "models").glob(f"{QUICKSTART_NAME.partition(':')[2]}-*/tokenizer.json"))
        if not found:
            return None, "", "no tokenizer here: name one with --tokenizer, or a sweep file with --sweep"
        return _read(found[-1]), QUICKSTART_NAME, "the embedded model's"
    file: Path | None = expanded(asked.name)
    if file is None or not file.is_file():
        file = tokenizer_file(resolve_model(asked.name, asked.revision, root, say))
    if file is None:
        why = "there is no tokenizer.json, the format that the `tokenizers` package reads"
        raise HarnessError(f"{asked.name} has no tokenizer to count with", why=why, fix="name a tokenizer.json with --tokenizer")
    return _read(file), asked.name, ""


def _read(file: Path) -> Tokenizer:
    try:
        tokenizer = Tokenizer.from_file(str(file))
    except Exception as error:  # the package raises Exception itself, for every fault
        fix = "name the tokenizer.json of a model"
        raise HarnessError(f"{file} is no tokenizer", why=str(error).splitlines()[0], fix=fix) from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def count(tokenizer: Tokenizer, found: Iterable[str]) -> list[int]:
    """Tokens of every text, without special tokens."""
    pending, counts = list(found), []
    for start in range(0, len(pending), _BATCH):
        encoded = tokenizer.encode_batch_fast(pending[start : start + _BATCH], add_special_tokens=False)
        counts += [len(one.ids) for one in encoded]
    return counts


def tokenised(tokenizer: Tokenizer, records: Sequence[Record], training: Training) -> Counted:
    """Tokens of a sample of records."""
    examples = [record for record in records if record.oracle_tests]
    prompts = count(tokenizer, (prompt_text(record, training.template) for record in records))
    suites = count(tokenizer, (record.oracle_suite for record in records if record.oracle_suite is not None))
    asked = [prompt for prompt, record in zip(prompts, records, strict=True) if record.oracle_tests]
    answers = count(tokenizer, (answer(record, training.max_tests) for record in examples))
    whole = tuple(map(sum, zip(asked, answers, strict=True)))
    cut: tuple[Limit, ...] = ()
    if training.max_lengths and examples:
        shortest = count(tokenizer, (answer(record, 1) for record in examples))
        cut = tuple(_limit(limit, training, list(zip(asked, answers, shortest, strict=True))) for limit in training.max_lengths)
    return Counted({"prompt": tuple(prompts), "suite": tuple(suites), "example": whole}, cut)


def _limit(max_length: int, training: Training, examples: Sequence[tuple[int, int, int]]) -> Limit:
    """What a `max_length` does to examples, each as tokens of its prompt, its answer, and its answer with one test."""
    most = training.max_completion or max_length
    room = [min(most, max_length - TEMPLATE_TOKENS - asked) for asked, _, _ in examples]
    dropped = sum(one > left for (_, _, one), left in zip(examples, room, strict=True))
    too_long = sum(whole > left for (_, whole, _), left in zip(examples, room, strict=True))
    return Limit(max_length, len(examples), too_long - dropped, dropped)
