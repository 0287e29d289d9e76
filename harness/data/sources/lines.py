"""Owns JSON Lines: one JSON object a line in UTF-8, plain or compressed with gzip. A line is held at a time; knows no layout."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from harness.data.sources.containers import GZIP_MAGIC, file_digest, first_bytes, unreadable
from harness.data.sources.fields import FieldError, shown
from harness.data.sources.rows import Broken, Row

MAX_LINE_BYTES = 64 << 20
"""Of a line that is read; of a longer one no more than this is ever held."""

MAX_DEPTH = 64
"""Levels of lists and objects in a row: no data set needs more, and Python's own limit is one of the process."""

_BOM = b"\xef\xbb\xbf"
_ALLOWED = "one whole JSON object a line, in UTF-8"


class _File(Protocol):
    def read(self, size: int, /) -> bytes: ...

    def readline(self, size: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class JsonLines:
    """A file of JSON objects, one a line; blank lines do not count.

    Attributes:
        path: The file.
    """

    path: Path

    def rows(self, keep: Collection[int] | None = None) -> Iterator[Row | Broken]:
        """The rows; what is no JSON object is broken, and the ones after it are read all the same."""
        for index, (number, line) in enumerate(numbered_lines(self.path)):
            if keep is None or index in keep:
                yield _row(f"{self.path.name}, line {number}", line)

    def count(self) -> int:
        """How many lines are not blank; reads the file, parses nothing."""
        return sum(1 for _ in numbered_lines(self.path))

    def digest(self) -> str:
        """sha256 of the file as it lies there."""
        return file_digest(self.path)


def numbered_lines(path: Path) -> Iterator[tuple[int, bytes | FieldError]]:
    """Number from 1, and content of each line that is not blank, or why it has none.

    Raises:
        HarnessError: if the file cannot be read.
    """
    number = 0
    try:
        with opened_file(path) as file:
            while line := file.readline(MAX_LINE_BYTES + 1):
                number += 1
                if len(line) > MAX_LINE_BYTES:
                    yield number, _too_long(_rest_of_line(file, line))
                elif line.strip().removeprefix(_BOM):
                    yield number, line
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        yield number + 1, FieldError("", f"the compressed data end here: {error}", "a whole gzip file")
    except OSError as error:
        raise unreadable(path, error) from error


@contextmanager
def opened_file(path: Path) -> Iterator[_File]:
    """The file's bytes, unpacked; gzip is known by its first bytes, since people rename files.

    Raises:
        HarnessError: as `first_bytes`; reading a damaged gzip file raises EOFError, zlib.error or gzip.BadGzipFile.
    """
    packed = first_bytes(path).startswith(GZIP_MAGIC)
    with gzip.open(path) if packed else path.open("rb") as file:
        yield file


def _rest_of_line(file: _File, line: bytes) -> int:
    """Skip to the next line without holding this one; its length in bytes."""
    length = len(line)
    while line and not line.endswith(b"\n"):
        line = file.readline(MAX_LINE_BYTES // 64)
        length += len(line)
    return length


def _too_long(length: int) -> FieldError:
    return FieldError("", f"the line has {length / 2**20:,.0f} MiB", f"at most {MAX_LINE_BYTES // 2**20} MiB a line")


def _row(place: str, line: bytes | FieldError) -> Row | Broken:
    try:
        if isinstance(line, FieldError):
            raise line
        return Row(place, _object(line))
    except FieldError as error:
        return error.at(place)


def _object(line: bytes) -> dict[str, Any]:
    """The object on a line.

    Raises:
        FieldError: if there is none.
    """
    if b"\0" in line:
        raise FieldError("", f"null bytes in {_excerpt(line)}", _ALLOWED)
    try:
        row = json.loads(line.removeprefix(_BOM).decode("utf-8"))
        if b"\\u" in line:
            # JSON may name half a surrogate pair, which no file in UTF-8 can hold, hence nothing that is written later.
            json.dumps(row, ensure_ascii=False).encode()
    except RecursionError as error:
        raise FieldError("", f"nested too deeply: {_excerpt(line)}", f"at most {MAX_DEPTH} levels") from error
    except ValueError as error:  # JSONDecodeError and UnicodeError
        cut = "" if line.endswith(b"\n") else "; the file ends within this line"
        raise FieldError("", f"{error}, in {_excerpt(line)}{cut}", _ALLOWED) from error
    if not isinstance(row, dict):
        raise FieldError("", f"found {type(row).__name__}: {_excerpt(line)}", _ALLOWED)
    if line.count(b"[") + line.count(b"{") > MAX_DEPTH and _deeper(row, MAX_DEPTH):
        raise FieldError("", f"nested too deeply: {_excerpt(line)}", f"at most {MAX_DEPTH} levels")
    return row


def _deeper(value: Any, levels: int) -> bool:
    """Whether lists and objects stand in each other more than `levels` deep."""
    layer = [value]
    for _ in range(levels):
        inner = (part.values() if isinstance(part, dict) else part for part in layer)
        layer = [item for part in inner for item in part if isinstance(item, dict | list)]
    return bool(layer)


def _excerpt(line: bytes) -> str:
    """The start of a line, safe to print."""
    return shown(line[:400].decode("utf-8", "replace").strip())
