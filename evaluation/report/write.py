"""Writes the files of a report: all three are made before the first is written, and each appears whole or not at all."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from evaluation.errors import EvaluationError
from evaluation.report.as_html import to_html
from evaluation.report.as_json import to_json
from evaluation.report.as_parquet import to_parquet
from evaluation.report.content import Content

SUFFIXES = (".json", ".parquet", ".html")


class UnwritableError(EvaluationError):
    """A file cannot be written where it was asked for."""


def write_report(content: Content, path: Path) -> tuple[Path, ...]:
    """Write the JSON file, and a Parquet file and an HTML page of the same name beside it.

    Args:
        content: What to write.
        path: Of the JSON file; its folder is made.

    Returns:
        The files: JSON, Parquet, HTML.

    Raises:
        UnwritableError: if one cannot be written.
    """
    made = (to_json(content), to_parquet(content), to_html(content).encode())
    files = tuple(path.with_suffix(suffix) for suffix in SUFFIXES)
    for file, data in zip(files, made, strict=True):
        _replace(file, data)
    return files


def require_writable(path: Path) -> None:
    """Find out before hours of scoring whether a report can be written.

    Raises:
        UnwritableError: if it cannot.
    """
    probe = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        taken = next((file for suffix in SUFFIXES if (file := path.with_suffix(suffix)).is_dir()), None)
        if taken is not None:
            raise IsADirectoryError(0, f"there is a folder named {taken.name}")
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise _unwritable(path, error) from error


def _replace(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(data)
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> UnwritableError:
    return UnwritableError(
        f"{path} cannot be written", why=error.strerror or str(error), fix="free space, or choose another place"
    )
