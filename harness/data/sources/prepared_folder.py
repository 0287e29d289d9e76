"""Owns prepared folders as sources: one of their splits, or all four, read and checked like a user's own functions."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from harness.core.errors import HarnessError
from harness.data.prepared.folder import MANIFEST, read_manifest, split_file
from harness.data.sources.native import Native
from harness.data.sources.opened import RowSource
from harness.data.sources.parquet import ParquetRows
from harness.data.sources.rows import Broken, Row, Source, SourceOptions
from harness.data.splitting.splits import SPLITS
from harness.files.places import expanded

_FIX = "name a folder that `harness data prepare` wrote"


@dataclass(frozen=True, slots=True)
class Files:
    """Several Parquet files as one container, in order.

    Attributes:
        files: At least one.
        digests: sha256 of each, hex.
    """

    files: tuple[ParquetRows, ...]
    digests: tuple[str, ...]

    def rows(self, keep: Collection[int] | None = None) -> Iterator[Row | Broken]:
        """The rows of the first file, then those of the next."""
        everything = chain.from_iterable(file.rows() for file in self.files)
        return (row for index, row in enumerate(everything) if keep is None or index in keep)

    def count(self) -> int:
        """Rows of all files."""
        return sum(file.count() for file in self.files)

    def digest(self) -> str:
        """sha256 over those of the files."""
        return hashlib.sha256(" ".join(self.digests).encode()).hexdigest()


def open_prepared(name: str, where: str, options: SourceOptions) -> Source:
    """Open ``DIR`` or ``DIR#SPLIT``; reads every file of the folder once, to see that it is what was prepared.

    Raises:
        HarnessError: if that is no prepared folder, has no such split, or (CONFLICT) is not what its manifest says.
    """
    folder, splits = _parsed(where)
    if not (folder / MANIFEST).is_file():
        why = f"there is no {folder / MANIFEST}" if folder.is_dir() else "there is no such folder"
        raise HarnessError(f"{folder} is no prepared folder", why=why, fix=_FIX)
    said = read_manifest(folder)["files"]
    files = tuple(ParquetRows(split_file(folder, split)) for split in splits)
    unnamed = [file.path.name for file in files if file.path.name not in said]
    if unnamed:
        raise HarnessError(f"{folder} is not whole", why=f"its {MANIFEST} names no {unnamed[0]}", fix=_FIX)
    digests = tuple(said[file.path.name]["sha256"] for file in files)
    return RowSource(name, Files(files, digests), Native(), folder.name, "unknown", options)


def _parsed(where: str) -> tuple[Path, tuple[str, ...]]:
    """Folder and splits; a folder whose own name holds a # is taken as it is."""
    if expanded(where).is_dir() or "#" not in where:
        return expanded(where), SPLITS
    folder, _, split = where.rpartition("#")
    if split not in SPLITS:
        raise HarnessError(f"no split {split!r} in {folder}", why=f"there are {', '.join(SPLITS)}", fix=f"{folder}#train")
    return expanded(folder), (split,)
