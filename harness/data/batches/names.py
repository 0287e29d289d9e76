"""Owns the names in a folder of batches: which is a batch, which is almost one, and which holds data that would not be read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from harness.core.errors import HarnessError
from harness.core.steps import batch_name

SUFFIXES = (".jsonl", ".parquet")
"""Of files that are read."""

_ARRIVING = ("part", "partial", "tmp", "crdownload", "download", "filepart")
_DATA = (
    *("jsonl", "json", "ndjson", "jsonlines", "parquet", "pq", "csv", "tsv", "arrow", "feather", "orc", "avro", "xls", "xlsx"),
    *("gz", "zst", "bz2", "xz", "lz4", "zip", "tar", "tgz", "7z", "pkl", "pickle", "npz", "npy", "db", "sqlite", "h5"),
)
_NAME = re.compile(r"batch_(\d{3,})")
_LIKE_ONE = re.compile(rf"batch[-_ ]?\d+((\.({'|'.join(_DATA)}))+|\.txt)?", re.IGNORECASE)
_OURS = ("manifest.json", "report.json")  # what `harness data prepare` and `harness data map` write beside records
_NAMED = 5


def batch_number(path: Path) -> int | None:
    """The number in a batch's name; None for what is not a batch."""
    stem = path.stem if path.suffix in SUFFIXES and path.is_file() else path.name
    exact = _NAME.fullmatch(stem)
    if exact is not None and stem == batch_name(int(exact[1])) and (path.is_dir() or path.suffix in SUFFIXES):
        return int(exact[1])
    return None


def require_batch_names(folder: Path, entries: Sequence[Path]) -> None:
    """Refuse names that are almost a batch's; one with another ending behind it (``.part``) is still on its way.

    Raises:
        HarnessError: BAD_INPUT, naming them.
    """
    wrong = [path for path in entries if batch_number(path) is None and _LIKE_ONE.fullmatch(path.name)]
    lost = [path for path in wrong if path.is_symlink() and not path.exists()]
    if lost:
        what = f"{lost[0]} is a link to nothing" if len(lost) == 1 else f"{folder} holds links to nothing: {_listed(lost)}"
        why = f"{lost[0].name} points to {lost[0].readlink()}, which is not there"
        raise HarnessError(what, why=why, fix="bring back what it points to, or remove the link")
    if wrong:
        one = len(wrong) == 1
        what = f"{wrong[0]} is not named as a batch" if one else f"{folder}: not named as batches: {_listed(wrong)}"
        why = "allowed: batch_000 as a folder, batch_000.jsonl or batch_000.parquet, three digits"
        raise HarnessError(what, why=why, fix=f"rename {'it' if one else 'them'}, or move {'it' if one else 'them'} away")


def require_all_read(batch: Path, entries: Sequence[Path]) -> None:
    """Refuse what looks like data in a batch's folder and would not be read; notes such as README.md are left alone.

    Raises:
        HarnessError: BAD_INPUT, naming the files.
        OSError: if a folder in it cannot be read.
    """
    unread = [path for path in entries if _is_unread(path)]
    if unread:
        arriving = [path for path in unread if _ending(path) in _ARRIVING]
        why = f"only {' and '.join(SUFFIXES)} files that lie in the folder itself are read, and no compressed ones"
        fix = f"write them there as {' or '.join(SUFFIXES)}, or move them out of the batch"
        fix += f"; wait for what is still being written ({_listed(arriving)})" if arriving else ""
        raise HarnessError(f"{batch} holds data that would not be read: {_listed(unread)}", why=why, fix=fix)


def _is_unread(path: Path) -> bool:
    if path.is_dir():
        return any(_ending(inner) in _DATA for inner in path.iterdir())
    looks_like_data = _ending(path) in (*_DATA, *_ARRIVING)
    return looks_like_data and path.suffix not in SUFFIXES and path.name not in _OURS


def _ending(path: Path) -> str:
    return path.suffix.removeprefix(".").lower()


def _listed(paths: Sequence[Path]) -> str:
    more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
    return ", ".join(path.name for path in paths[:_NAMED]) + more
