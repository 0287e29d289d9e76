"""Reads JSON Lines for people who make mistakes: a broken line is a problem with its place, and the next line is read.

Knows nothing of what the rows mean.
"""

from __future__ import annotations

import codecs
import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from evaluation.errors import EvaluationError

MAX_LINE_BYTES = 8 << 20  # a suite of 1 MiB, the most that is ever run, fits even with every character escaped
GZIP_MAGIC = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class InputProblem:
    """Something in the input that cannot be used; the rest is used without it.

    Attributes:
        where: File and line, or file.
        what: What is wrong, a few words.
        why: What was found there.
        fix: What to do.
    """

    where: str
    what: str
    why: str
    fix: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}: {self.why}; {self.fix}"


class InputUnusableError(EvaluationError):
    """Nothing of the input can be used, so there is nothing to score.

    Args:
        what: What went wrong, one line.
        why: The observed cause.
        fix: What to do next.
        problems: What was found on the way.
    """

    def __init__(self, what: str, *, why: str, fix: str, problems: tuple[InputProblem, ...] = ()) -> None:
        super().__init__(what, why=why, fix=fix)
        self.problems = problems


class RowError(Exception):
    """One row cannot be used: what, why, fix."""

    def __init__(self, what: str, why: str, fix: str) -> None:
        super().__init__(what)
        self.what, self.why, self.fix = what, why, fix

    def at(self, where: str) -> InputProblem:
        """The problem, with its place."""
        return InputProblem(where, self.what, self.why, self.fix)


def read_rows(path: Path) -> Iterator[tuple[str, dict[str, Any] | InputProblem]]:
    """Every row of a JSON Lines file, gzipped or not, with its place; blank lines are passed over.

    Bytes that are not UTF-8 come back as lone surrogates, so that the one field they stand in can be judged.

    Raises:
        InputUnusableError: if the file cannot be opened.
    """
    number = 0
    try:
        with _opened(path) as file:
            while line := file.readline(MAX_LINE_BYTES + 1):
                number += 1
                if len(line) > MAX_LINE_BYTES and not line.endswith(b"\n"):
                    _skip_line(file)
                text = line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
                if text.strip():
                    where = f"{path.name}:{number}"
                    yield where, _row(where, text)
    except (OSError, EOFError, zlib.error) as error:
        why, fix = getattr(error, "strerror", None) or str(error), "write the file again"
        if not number:
            raise InputUnusableError(f"{path} cannot be read", why=why, fix="name a readable JSON Lines file") from error
        yield f"{path.name}:{number + 1}", InputProblem(f"{path.name}:{number + 1}", "the file ends early", why, fix)


def text_field(row: dict[str, Any], name: str) -> str:
    """The text in a field.

    Raises:
        RowError: if it is absent, no text, empty, or not UTF-8.
    """
    if row.get(name) is None:
        raise RowError("a field is missing", f"no `{name}`", f"add `{name}`, a string")
    value = row[name]
    if not isinstance(value, str) or not value.strip():
        raise RowError("a field has the wrong type", f"`{name}` is {value!r:.60}", "give a string that is not blank")
    if not is_utf8(value):
        raise RowError("wrong encoding", f"`{name}` is not UTF-8", "write the file as UTF-8")
    return value


def is_utf8(text: str) -> bool:
    """Whether a text can be written as UTF-8, so was read from it."""
    return not any("\ud800" <= char <= "\udfff" for char in text)


def _opened(path: Path) -> IO[bytes]:
    if not path.is_file():
        raise OSError("it is a folder, not a file" if path.is_dir() else "no such file")
    with path.open("rb") as file:
        magic = file.read(len(GZIP_MAGIC))
    return cast("IO[bytes]", gzip.open(path) if magic == GZIP_MAGIC else path.open("rb"))


def _skip_line(file: IO[bytes]) -> None:
    while (part := file.readline(MAX_LINE_BYTES)) and not part.endswith(b"\n"):
        pass


def _row(where: str, line: bytes) -> dict[str, Any] | InputProblem:
    fix = "write one JSON object on a line"
    if len(line) > MAX_LINE_BYTES:
        return InputProblem(where, "the line is too long", f"more than {MAX_LINE_BYTES >> 20} MiB", "leave the row out")
    try:
        row = json.loads(line.decode("utf-8", "surrogateescape"))
    except (ValueError, RecursionError) as error:
        return InputProblem(where, "the line is not JSON", str(error) or type(error).__name__, fix)
    if not isinstance(row, dict):
        return InputProblem(where, "the line is not an object", f"it is {row!r:.60}", fix)
    return row
