"""Owns the temporary file of records: written in the order of the rows, read back in the order of the splits."""

from __future__ import annotations

import json
from pathlib import Path
from types import TracebackType
from typing import Self

from harness.core.records import Record
from harness.files.record_files import to_line


class Spool:
    """Records on disk, by number from 0. The file is removed on the way out."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("w+b")
        self._starts: list[int] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)

    def __len__(self) -> int:
        return len(self._starts)

    def add(self, record: Record) -> None:
        """Write one."""
        self._starts.append(self._file.seek(0, 2))
        self._file.write(to_line(record).encode())

    def get(self, number: int) -> Record:
        """Read one back."""
        self._file.seek(self._starts[number])
        return Record.from_dict(json.loads(self._file.readline()))
