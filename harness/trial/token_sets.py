"""Tokenised files of records: made once, kept as Arrow, read by memory map.

Owns what a kept file depends on and its columns. One entry a file, so that a new batch adds only its own; the rules of
encoding are `harness.trial.encoding`'s.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import pyarrow as pa
from datasets import Dataset

from harness.core import focal, prompt_template, prompts
from harness.files.cache import published
from harness.files.record_files import iter_records
from harness.trial import encoding
from harness.trial.encoding import Example, Limits, encode, prompt_ids
from harness.trial.examples import Wording

_FILE = "tokens.arrow"
_ROWS = 256  # of a record batch: what is held as Python lists at a time
_SCHEMA = pa.schema(
    [
        pa.field("id", pa.string()),
        pa.field("input_ids", pa.list_(pa.int32())),
        pa.field("labels", pa.list_(pa.int32())),
        pa.field("length", pa.int32()),
        pa.field("completion_tokens", pa.int32()),
        pa.field("tests", pa.int32()),
        pa.field("wanted", pa.int32()),
    ]
)
"""One row a record, in the file's order; of a dropped one the lists are empty and `length` and `tests` are 0."""

_CODE = (focal, prompt_template, prompts, encoding)
_WORDS: WeakKeyDictionary[Any, str] = WeakKeyDictionary()
_PROBE = [{"role": "user", "content": "a"}]


@dataclass(frozen=True, slots=True)
class Encoder:
    """Everything that decides the tokens of a record."""

    tokenizer: Any
    wording: Wording
    limits: Limits

    @property
    def digest(self) -> str:
        """sha256, hex, of the tokenizer, the words, the limits and the code between them."""
        parts = {
            "tokenizer": _tokenizer_digest(self.tokenizer, self.wording),
            "template": self.wording.template.digest,
            "examples": [example.to_dict() for example in self.wording.examples],
            "limits": asdict(self.limits),
            "code": [_sha256(Path(str(module.__file__))) for module in _CODE],
            "versions": [version(name) for name in ("transformers", "tokenizers", "pyarrow")],
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def token_key(path: Path, digest: str) -> str:
    """The name under which a tokenised file is kept.

    Args:
        path: A file of `Record`s.
        digest: `Encoder.digest`, worked out once for several files.
    """
    return hashlib.sha256(f"{_sha256(path)} {digest}".encode()).hexdigest()[:40]


def token_set(path: Path, key: str, encoder: Encoder, cache: Path) -> Any:
    """The tokenised file, made now unless it is there: a memory-mapped `datasets.Dataset` with the columns of `_SCHEMA`.

    Args:
        path: A file of `Record`s.
        key: `token_key` of it.
        encoder: How.
        cache: Folder of the kept ones.

    Raises:
        HarnessError: STORAGE when `cache` cannot be written, BAD_INPUT when the model refuses the prompt.
    """
    entry = published(cache, key, lambda folder: _write(folder / _FILE, path, encoder))
    return Dataset.from_file(str(entry / _FILE))


def _write(target: Path, path: Path, encoder: Encoder) -> None:
    records = iter_records(path)
    with pa.OSFile(str(target), "wb") as sink, pa.ipc.new_stream(sink, _SCHEMA) as stream:
        while some := list(islice(records, _ROWS)):
            rows = [_row(r.id, encode(encoder.tokenizer, r, encoder.wording, encoder.limits)) for r in some]
            stream.write_batch(pa.RecordBatch.from_pylist(rows, _SCHEMA))


def _row(name: str, example: Example) -> dict[str, Any]:
    return {
        "id": name,
        "input_ids": example.input_ids,
        "labels": example.labels,
        "length": len(example.input_ids),
        "completion_tokens": sum(label != encoding.IGNORED_LABEL for label in example.labels),
        "tests": example.tests,
        "wanted": example.wanted,
    }


def _tokenizer_digest(tokenizer: Any, wording: Wording) -> str:
    """Of its vocabulary and rules, and of a rendered chat: some chat templates put the date in."""
    chat = prompt_ids(tokenizer, wording.template, _PROBE, "a")
    known = [_words_digest(tokenizer), str(tokenizer.chat_template), tokenizer.eos_token_id, chat, type(tokenizer).__name__]
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()


def _words_digest(tokenizer: Any) -> str:
    """Of the vocabulary and rules, worked out once for a loaded tokenizer: 0.4 s where there are 49,000 words."""
    known = _WORDS.get(tokenizer)
    if known is None:
        backend = getattr(tokenizer, "backend_tokenizer", None)
        words = json.loads(backend.to_str()) if backend is not None else tokenizer.get_vocab()
        for state in ("padding", "truncation"):  # of the last call, not of the tokenizer
            words.pop(state, None)
        known = _WORDS[tokenizer] = hashlib.sha256(json.dumps(words, sort_keys=True).encode()).hexdigest()
    return known


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
