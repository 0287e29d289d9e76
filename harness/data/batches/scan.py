"""Owns the folder of batches: which there are, in what order, and whether one of them has changed. Reads no record.

A batch is ``batch_003``, a folder of .jsonl and .parquet files, or a single file ``batch_003.jsonl`` or ``batch_003.parquet``.
What looks like data and would not be read is refused; notes and hidden files are nobody's business.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from harness.core.errors import ExitCode, HarnessError
from harness.core.steps import BatchSeen, batch_name
from harness.data.batches.names import SUFFIXES, batch_number, require_all_read, require_batch_names


@dataclass(frozen=True)
class Batch:
    """A batch on disk. Its bytes are hashed on first need.

    Attributes:
        number: 0, 1, ...
        path: The folder, or the single file.
        files: Its files of records, by name.
    """

    number: int
    path: Path
    files: tuple[Path, ...]

    @property
    def name(self) -> str:
        """``batch_003``."""
        return batch_name(self.number)

    @cached_property
    def digests(self) -> Mapping[str, str]:
        """File name -> sha256 of its bytes, hex.

        Raises:
            HarnessError: BAD_INPUT for a file that cannot be read.
        """
        return {file.name: _digest(file) for file in self.files}

    def seen(self) -> BatchSeen:
        """As it is remembered from one step to the next."""
        return BatchSeen(self.name, self.digests)


def scan_batches(folder: Path) -> tuple[Batch, ...]:
    """Every batch of a folder, in order.

    Raises:
        HarnessError: BAD_INPUT when there is no such folder, none in it, a hole in the numbering, a name that is almost one,
            a number that stands twice, a batch without a file, or one with data that would not be read.
    """
    try:
        entries = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        why = error.strerror or str(error)
        raise HarnessError(f"cannot read the batches in {folder}", why=why, fix="correct data.batches") from error
    require_batch_names(folder, entries)
    found: dict[int, Path] = {}
    for path in entries:
        number = batch_number(path)
        if number is None:
            continue
        if number in found:
            why = f"{found[number].name} and {path.name} are both batch {number}"
            raise HarnessError(f"{folder} holds a batch twice", why=why, fix="put the files of a batch into one folder")
        found[number] = path
    _require_whole(folder, sorted(found))
    return tuple(Batch(number, found[number], _files(found[number])) for number in sorted(found))


def require_unchanged(folder: Path, batches: Sequence[Batch], seen: Sequence[BatchSeen], cure: str) -> None:
    """Compare batches with what they were when a step was trained on them.

    Args:
        folder: Where they are.
        batches: As they are now, by number.
        seen: As they were.
        cure: How to start anew, for the message.

    Raises:
        HarnessError: CONFLICT, naming the batch and the file.
    """
    if len(batches) < len(seen):
        gone = ", ".join(before.name for before in seen[len(batches) :])
        why = f"{gone} is gone, and a step was trained on it"
        raise HarnessError(f"{folder} lacks a batch", why=why, fix=f"restore it, or {cure}", code=ExitCode.CONFLICT)
    for batch, before in zip(batches, seen, strict=False):
        if dict(batch.digests) != dict(before.files):
            raise HarnessError(
                f"{batch.path} has changed since a step was trained on it",
                why=_difference(before.files, batch.digests),
                fix=f"restore it and bring what is new as the next batch, or {cure}",
                code=ExitCode.CONFLICT,
            )


def _require_whole(folder: Path, numbers: Sequence[int]) -> None:
    if not numbers:
        why = "there is neither a folder batch_000 nor a file batch_000.jsonl or batch_000.parquet in it"
        raise HarnessError(f"{folder} holds no batch", why=why, fix="put the first examples there as batch_000.jsonl")
    missing = sorted(set(range(numbers[-1])) - set(numbers))
    if missing:
        names = ", ".join(map(batch_name, missing[:5])) + (", ..." if len(missing) > 5 else "")
        raise HarnessError(
            f"{folder}: the numbering of the batches has a hole",
            why=f"{names} absent, but there is {batch_name(numbers[-1])}",
            fix="bring the missing batch, or rename the later ones so that none is skipped",
        )


def _files(path: Path) -> tuple[Path, ...]:
    if path.is_file():
        return (path,)
    try:
        entries = sorted(file for file in path.iterdir() if not file.name.startswith("."))
        require_all_read(path, entries)
    except OSError as error:
        raise HarnessError(f"cannot read {path}", why=error.strerror or str(error), fix="repair its permissions") from error
    files = tuple(file for file in entries if file.suffix in SUFFIXES)
    if not files:
        why = f"the folder has no {' or '.join(SUFFIXES)} file"
        raise HarnessError(f"{path} is empty", why=why, fix="put its records there, or remove the folder until they come")
    return files


def _digest(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        fix = "repair its permissions, or bring the batch again"
        raise HarnessError(f"cannot read {file}", why=error.strerror or str(error), fix=fix) from error


def _difference(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    parts = [f"{name} has other bytes" for name in now if name in before and before[name] != now[name]]
    parts += [f"{name} is new" for name in now if name not in before]
    parts += [f"{name} is gone" for name in before if name not in now]
    return ", ".join(parts)
