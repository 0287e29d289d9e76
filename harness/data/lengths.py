"""How long the prompts of a split are, in tokens: the memory estimate of the generation phase asks. Imports no torch."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from tokenizers import Tokenizer

from harness.core.prompts import messages, prefill
from harness.core.records import Record

TEMPLATE_TOKENS = 64
"""What a chat template adds around one question: role marks, and the system prompt some templates bring along."""

CHARACTERS_PER_TOKEN = 2.5
"""Of Python source, at the dense end; used where there is no tokenizer.json."""


def longest_prompt(files: Iterable[Path], tokenizer_file: Path | None) -> int:
    """Tokens of the longest prompt, template included; an upper bound rather than a count.

    Args:
        files: JSON Lines of `Record`s.
        tokenizer_file: The model's tokenizer.json, or None.
    """
    texts = [text for file in files for text in _texts(file)]
    if not texts:
        return TEMPLATE_TOKENS
    if tokenizer_file is None or not tokenizer_file.is_file():
        return TEMPLATE_TOKENS + int(max(map(len, texts)) / CHARACTERS_PER_TOKEN)
    tokenizer = Tokenizer.from_file(str(tokenizer_file))
    return TEMPLATE_TOKENS + max(len(encoded.ids) for encoded in tokenizer.encode_batch(texts))


def _texts(file: Path) -> list[str]:
    records = [Record.from_dict(json.loads(line)) for line in file.read_text("utf-8").splitlines() if line.strip()]
    return [messages(record)[0]["content"] + prefill(record) for record in records]
