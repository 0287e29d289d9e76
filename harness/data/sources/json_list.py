"""Owns files that are one JSON list instead of JSON Lines: how they are told apart, and the command that takes one apart."""

from __future__ import annotations

import json
import re
import shlex
import zlib
from pathlib import Path

from harness.core.errors import HarnessError
from harness.data.sources.containers import GZIP_MAGIC, first_bytes
from harness.data.sources.lines import numbered_lines, opened_file

_LIST = re.compile(rb"(?:\xef\xbb\xbf)?\s*\[\s*\{")
_HEAD_BYTES = 4096
_CODE = "import json, sys; [print(json.dumps(row)) for row in json.load(sys.stdin)]"


def require_lines(path: Path) -> None:
    """Look at the first line of a file, and further only where a list begins there.

    Args:
        path: JSON Lines, plain or compressed with gzip.

    Raises:
        HarnessError: if the file is one list of objects, and how to take it apart; if it cannot be read.
    """
    if _is_list(path):
        why = "the whole file is one JSON list of objects"
        raise HarnessError(f"{path} is not JSON Lines", why=why, fix=_taken_apart(path))


def _is_list(path: Path) -> bool:
    """Whether a list of objects begins on the first line and ends on the last; lines that are a list each are none."""
    if not _LIST.match(_head(path)):
        return False
    first = last = b""
    for _, line in numbered_lines(path):
        last = line if isinstance(line, bytes) else b"]"  # too long to be held: taken for the end of the list
        first = first or last
    return last.rstrip().endswith(b"]") and (first is last or not _is_json(first))


def _head(path: Path) -> bytes:
    try:
        with opened_file(path) as file:
            return file.read(_HEAD_BYTES)
    except (EOFError, zlib.error, OSError):  # damaged: named where its rows are read
        return b""


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _taken_apart(path: Path) -> str:
    """The command that writes one object a line; never onto the file itself."""
    packed = first_bytes(path).startswith(GZIP_MAGIC)
    bare = path.name.removesuffix(".gz")
    stem = bare.rpartition(".")[0] or bare
    out = path.with_name(f"{stem}.jsonl" if f"{stem}.jsonl" != path.name else f"{stem}-lines.jsonl")
    read, write = shlex.quote(str(path)), shlex.quote(str(out))
    command = f"gunzip -c {read} | python -c {_CODE!r}" if packed else f"python -c {_CODE!r} < {read}"
    return f"write one JSON object a line: {command} > {write}"
