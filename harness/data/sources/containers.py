"""Owns what a container of rows is, which of them a file is by its first bytes, and the errors of a file as a whole."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Protocol

from harness.core.errors import HarnessError
from harness.data.sources.rows import Broken, Row
from harness.files.places import expanded

PARQUET_MAGIC = b"PAR1"
GZIP_MAGIC = b"\x1f\x8b"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_CHUNK = 1 << 20
_JSON_SUFFIXES = (".jsonl", ".json", ".ndjson")
_CHECKOUT = (".git", "pyproject.toml", "setup.py", "setup.cfg")


class Container(Protocol):
    """Rows in order, whatever holds them. Nothing is read before it is asked for; every method may be called again."""

    def rows(self, keep: Collection[int] | None = None) -> Iterator[Row | Broken]:
        """The rows, as a stream.

        Args:
            keep: Numbers of the rows wanted, from 0; None for all.

        Raises:
            HarnessError: if the container as a whole cannot be read.
        """

    def count(self) -> int | None:
        """How many rows there are, broken ones included; None where only reading them all would tell."""

    def digest(self) -> str:
        """sha256, hex, of the bytes."""


def open_file(path: Path, only: str = "") -> Container:
    """The container that a file is.

    Args:
        path: JSON Lines, plain or compressed with gzip, or Parquet.
        only: ``jsonl`` or ``parquet``: refuse the other.

    Raises:
        HarnessError: if it cannot be read, is empty, or is not what it should be.
    """
    from harness.data.sources.json_list import require_lines
    from harness.data.sources.lines import JsonLines
    from harness.data.sources.parquet import ParquetRows

    head = first_bytes(path)
    if head.startswith(_UTF16):
        raise HarnessError(f"cannot read {path}", why="it is in UTF-16", fix="save it in UTF-8")
    is_parquet = head == PARQUET_MAGIC
    if is_parquet and only == "jsonl":
        raise HarnessError(f"{path} is not JSON Lines", why="it is a Parquet file", fix=f"name it parquet:{path}")
    if only == "parquet" and not is_parquet:
        why = f"it starts with {head!r}, not with {PARQUET_MAGIC!r}"
        raise HarnessError(f"{path} is not a Parquet file", why=why, fix=f"is it JSON Lines? then jsonl:{path}")
    if is_parquet:
        return ParquetRows(path)
    require_lines(path)
    return JsonLines(path)


def first_bytes(path: Path) -> bytes:
    """The first four bytes of a file.

    Raises:
        HarnessError: if it is missing, a folder or a pipe, empty, or cannot be read.
    """
    try:
        if path.is_dir():
            raise HarnessError(f"cannot read the data file {path}", why="it is a folder", fix=_folder_fix(path))
        if path.exists() and not path.is_file():  # a pipe could be read once only, /dev/zero for ever
            raise HarnessError(f"cannot read the data file {path}", why="it is a pipe or a device", fix="save it as a file")
        with path.open("rb") as file:
            head = file.read(4)
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        raise unreadable(path, error) from error
    if not head:
        raise HarnessError(f"{path} holds no record", why="the file is empty", fix="one JSON object a line, or a Parquet file")
    return head


def unreadable(path: Path, error: Exception) -> HarnessError:
    """The error of a file that the system does not give."""
    why = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
    return HarnessError(f"cannot read the data file {path}", why=why, fix="give the path of a JSON Lines or Parquet file")


def file_digest(path: Path) -> str:
    """sha256 of a file's bytes, hex; a chunk held at a time.

    Raises:
        HarnessError: if it cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    except OSError as error:
        raise unreadable(path, error) from error
    return digest.hexdigest()


def _folder_fix(path: Path) -> str:
    """What the folder looks like."""
    if (path / "manifest.json").is_file():
        return f"a prepared folder is named prepared:{path}"
    return f"name one file in it, or the whole folder as hf:{path}"


def source_of(path: str) -> str:
    """How the source would be written that a bare path seems to mean; empty where nothing is there that could be one.

    Args:
        path: As the user wrote it.
    """
    place = expanded(path)
    try:
        if path and place.is_dir():
            return f"{_folder_kind(place)}:{path}"
        if not place.is_file():
            return ""
        with place.open("rb") as file:
            head = file.read(4)
    except OSError:
        return ""
    if head == PARQUET_MAGIC:
        return f"parquet:{path}"
    return f"jsonl:{path}" if head.startswith(GZIP_MAGIC) or place.suffix in _JSON_SUFFIXES else ""


def _folder_kind(folder: Path) -> str:
    if (folder / "manifest.json").is_file():
        return "prepared"
    data = any(file.suffix in (*_JSON_SUFFIXES, ".parquet") for file in folder.iterdir())
    return "hf" if data and not any((folder / name).exists() for name in _CHECKOUT) else "repo"
