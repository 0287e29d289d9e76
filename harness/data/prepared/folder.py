"""Owns what a prepared folder is: its files, its manifest, and the check that both still belong together."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.core.errors import ExitCode, HarnessError
from harness.data.splitting.splits import SPLITS

MANIFEST = "manifest.json"
REPORT = "report.md"
FORMAT = "harness-prepared/2"
"""Raised whenever the same sources would be prepared otherwise than before."""

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class PreparedData:
    """The four splits on disk.

    Attributes:
        folder: Where manifest.json is.
        files: Split name -> Parquet of `Record`s; do not write to them.
        train_files: What is trained on, in order: ``files["train"]``, or the batches in place.
        exclude_file: Ids, one a line, that are not trained on although they stand in `train_files`; or None.
        counts: Split name -> number of records.
        digests: Split name -> sha256 over its records, hex.
        manifest_digest: sha256 of manifest.json, hex: names this data set everywhere.
        origin: Where the records came from.
        licence: SPDX expression, or ``unknown``.
        left_out: Why rows or records are not here -> how many.
    """

    folder: Path
    files: Mapping[str, Path]
    train_files: tuple[Path, ...]
    exclude_file: Path | None
    counts: Mapping[str, int]
    digests: Mapping[str, str]
    manifest_digest: str
    origin: str
    licence: str
    left_out: Mapping[str, int] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """sha256 over the records of all splits, hex; unlike the manifest's it does not change with a tool's version."""
        return hashlib.sha256(json.dumps(dict(self.digests), sort_keys=True).encode()).hexdigest()


def split_file(folder: Path, split: str) -> Path:
    """Where the records of a split are."""
    return folder / f"{split}.parquet"


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a folder, after a look at the hash of every file that it names.

    Raises:
        HarnessError: if the folder is no prepared one, of another format, or (CONFLICT) changed since it was written.
    """
    fix = "name a folder that `harness data prepare` wrote, or prepare it anew"
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
    except (OSError, ValueError) as error:
        raise HarnessError(f"{folder} is no prepared folder", why=f"{MANIFEST}: {error}", fix=fix) from error
    found = manifest.get("format") if isinstance(manifest, dict) else None
    if found != FORMAT:
        raise HarnessError(f"cannot read {folder}", why=f"its format is {found!r}, this harness reads {FORMAT!r}", fix=fix)
    try:
        digests = {name: str(said["sha256"]) for name, said in manifest["files"].items()}
    except (KeyError, TypeError, AttributeError) as error:
        why = f"{MANIFEST} does not say which files belong to it"
        raise HarnessError(f"cannot read {folder}", why=why, fix=fix) from error
    for name, digest in digests.items():
        _require_unchanged(folder / name, digest, fix)
    return dict(manifest)


def _require_unchanged(file: Path, digest: str, fix: str) -> None:
    try:
        found = file_digest(file)
    except OSError as error:
        raise HarnessError(f"{file.parent} is not whole", why=f"{file.name}: {error.strerror}", fix=fix) from error
    if found != digest:
        why = f"{file.name} has changed: its sha256 is {found[:12]}..., the manifest says {digest[:12]}..."
        raise HarnessError(f"{file.parent} is not what was prepared", why=why, fix=fix, code=ExitCode.CONFLICT)


def read_prepared(folder: Path) -> PreparedData:
    """A folder that `prepare_splits` or `prepare_to` wrote.

    Raises:
        HarnessError: as `read_manifest`.
    """
    manifest = read_manifest(folder)
    files = {name: split_file(folder, name) for name in SPLITS}
    return PreparedData(
        folder=folder,
        files=files,
        train_files=(files["train"],),
        exclude_file=None,
        counts=manifest["counts"],
        digests=manifest["digests"],
        manifest_digest=file_digest(folder / MANIFEST),
        origin=manifest["origin"],
        licence=manifest["licence"],
        left_out=manifest["left_out"],
    )


def file_digest(path: Path) -> str:
    """sha256 of a file's bytes, hex; a chunk held at a time.

    Raises:
        OSError: if it cannot be read.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
