"""Owns prepared folders as sources: one of their splits, or all four, read and checked like a user's own functions."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from harness.core.errors import HarnessError
from harness.data.sources.containers import open_file
from harness.data.sources.native import Native
from harness.data.sources.opened import RowSource
from harness.data.sources.parquet import ParquetRows
from harness.data.sources.rows import Broken, Row, Source, SourceOptions
from harness.data.splitting.splits import SPLITS

_FIX = "name a folder that `harness data prepare` wrote"


@dataclass(frozen=True, slots=True)
class Files:
    """Several Parquet files as one container, in order.

    Attributes:
        files: At least one.
    """

    files: tuple[ParquetRows, ...]

    def rows(self, keep: Collection[int] | None = None) -> Iterator[Row | Broken]:
        """The rows of the first file, then those of the next."""
        everything = chain.from_iterable(file.rows() for file in self.files)
        return (row for index, row in enumerate(everything) if keep is None or index in keep)

    def count(self) -> int:
        """Rows of all files."""
        return sum(file.count() for file in self.files)

    def digest(self) -> str:
        """sha256 over those of the files."""
        return hashlib.sha256(" ".join(file.digest() for file in self.files).encode()).hexdigest()


def open_prepared(name: str, where: str, options: SourceOptions) -> Source:
    """Open ``DIR`` or ``DIR#SPLIT``.

    Raises:
        HarnessError: if that is no prepared folder, or has no such split.
    """
    folder, splits = _parsed(where)
    if not (folder / "manifest.json").is_file():
        why = f"there is no {folder / 'manifest.json'}" if folder.is_dir() else "there is no such folder"
        raise HarnessError(f"{folder} is no prepared folder", why=why, fix=_FIX)
    files = tuple(file for split in splits if isinstance(file := open_file(folder / f"{split}.parquet", "parquet"), ParquetRows))
    return RowSource(name, Files(files), Native(), folder.name, "unknown", options)


def _parsed(where: str) -> tuple[Path, tuple[str, ...]]:
    """Folder and splits; a folder whose own name holds a # is taken as it is."""
    if Path(where).expanduser().is_dir() or "#" not in where:
        return Path(where).expanduser(), SPLITS
    folder, _, split = where.rpartition("#")
    if split not in SPLITS:
        raise HarnessError(f"no split {split!r} in {folder}", why=f"there are {', '.join(SPLITS)}", fix=f"{folder}#train")
    return Path(folder).expanduser(), (split,)
