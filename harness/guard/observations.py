"""The file of observed peaks: one JSON line each, kept over studies and restarts.

Owns the file's format and its safety: appended whole under a lock, readable whatever a killed writer left behind. What
the peaks teach is `harness.core.calibration`'s.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from harness.core.calibration import Observation
from harness.core.errors import ExitCode, HarnessError

VERSION = 1
"""Of the line format; lines of another version are left alone and not read."""

_TYPES = {"device": str, "model": str, "group": str, "predicted_bytes": int, "observed_bytes": int, "censored": bool}
_TAIL_BYTES = 1 << 16


class ObservationStore:
    """Observed peaks in one file.

    Args:
        path: The file; its folder is made at the first append.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> tuple[Observation, ...]:
        """Every observation, oldest first; without a lock, so a line that is being written now may be missing.

        Raises:
            HarnessError: STORAGE when the file exists and cannot be read.
        """
        with _storage_errors(self._path):
            try:
                content = self._path.read_bytes()
            except FileNotFoundError:
                return ()
        # The part after the last line end is a line that its writer has not finished, or never will.
        lines = content.split(b"\n")[:-1]
        return tuple(seen for seen in map(_read, lines) if seen is not None)

    def append(self, seen: Observation) -> None:
        """Add one; on disk when it returns.

        Raises:
            HarnessError: STORAGE when the disk is full or the file cannot be written.
        """
        line = json.dumps({"version": VERSION, **asdict(seen)}, ensure_ascii=False).encode() + b"\n"
        with _storage_errors(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)  # the kernel drops it with the process, however that ends
                _repair(descriptor)
                _write_whole(descriptor, line)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def _write_whole(descriptor: int, line: bytes) -> None:
    while line:
        line = line[os.write(descriptor, line) :]


def _repair(descriptor: int) -> None:
    """Cut off what a writer that died left after the last line end; the caller holds the lock."""
    end = size = os.fstat(descriptor).st_size
    while end:
        start = max(0, end - _TAIL_BYTES)
        newline = os.pread(descriptor, end - start, start).rfind(b"\n")
        if newline >= 0:
            end = start + newline + 1
            break
        end = start
    if end < size:
        os.ftruncate(descriptor, end)


def _read(line: bytes) -> Observation | None:
    """The observation of a line; None for another version and for what is none at all."""
    try:
        found: Any = json.loads(line)
        if not isinstance(found, dict) or found.get("version") != VERSION:
            return None
        values = {field.name: found[field.name] for field in fields(Observation)}
        if any(type(values[name]) is not kind for name, kind in _TYPES.items()):
            return None
        return Observation(**values)
    except (ValueError, KeyError):  # ValueError covers JSON, UTF-8 and a size out of range
        return None


@contextmanager
def _storage_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise HarnessError(
            f"the file of observed peaks {path} does not work",
            why=str(error),
            fix="check disk space and permissions; a damaged file can be deleted, the guard then learns anew",
            code=ExitCode.STORAGE,
        ) from error
