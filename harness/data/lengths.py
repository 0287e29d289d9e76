"""How long the prompts of a split are, in tokens: the memory estimate of the generation phase asks. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from tokenizers import Tokenizer

from harness.core.prompt_template import Template
from harness.core.prompts import example_for, messages, prefill
from harness.core.records import Record
from harness.files.record_files import iter_records

TEMPLATE_TOKENS = 64
"""What a chat template adds around one question: role marks, and the system prompt some templates bring along."""

CHARACTERS_PER_TOKEN = 2.5
"""Of Python source, at the dense end; used where there is no tokenizer.json."""

_BATCH = 256


def longest_prompt(
    files: Iterable[Path], tokenizer_file: Path | None, templates: Sequence[Template], examples: Sequence[Record] = ()
) -> int:
    """Tokens of the longest prompt of any template, chat markup included; an upper bound rather than a count.

    Args:
        files: Files of `Record`s.
        tokenizer_file: The model's tokenizer.json, or None.
        templates: All that may be asked with.
        examples: Worked examples (`harness.trial.examples.worked_examples`), for the templates that show one.
    """
    texts = _texts(files, templates, examples)
    if tokenizer_file is None or not tokenizer_file.is_file():
        return TEMPLATE_TOKENS + int(max(map(len, texts), default=0) / CHARACTERS_PER_TOKEN)
    tokenizer = Tokenizer.from_file(str(tokenizer_file))
    tokenizer.no_truncation()  # some files come with a limit of their own
    longest = 0
    while some := list(islice(texts, _BATCH)):
        longest = max(longest, *(len(encoded.ids) for encoded in tokenizer.encode_batch(some)))
    return TEMPLATE_TOKENS + longest


def _texts(files: Iterable[Path], templates: Sequence[Template], examples: Sequence[Record]) -> Iterator[str]:
    for file in files:
        for record in iter_records(file):
            for template in templates:
                example = example_for(record, examples) if template.example else None
                yield "\n".join(message["content"] for message in messages(template, record, example)) + prefill(record)
