"""Owns the prepared data of a sweep: one JSON Lines file per split, in the cache, under a key made of all that decides it."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness.core.errors import HarnessError
from harness.data.cache import published
from harness.data.loaded import Loaded, Skipped
from harness.data.sources import content_digest, load_records
from harness.data.splits import SPLITS, data_digest, split_records, to_jsonl

_MANIFEST = "manifest.json"
# The code that decides the bytes: an edit to any of these makes a new key, which a hand-kept number would forget.
_CODE = ("human_eval", "jsonl", "loaded", "mbpp", "oracle", "prepare", "sources", "splits", "syntax", "targets")


@dataclass(frozen=True, slots=True)
class PreparedData:
    """The four splits on disk.

    Attributes:
        files: Split name -> JSON Lines of `Record`s; do not write to them.
        counts: Split name -> number of records.
        digests: Split name -> sha256 of the file, hex.
        origin: Where the records came from.
        licence: SPDX identifier, or ``unknown``.
        skipped: Rows of the source that could not be used.
    """

    files: Mapping[str, Path]
    counts: Mapping[str, int]
    digests: Mapping[str, str]
    origin: str
    licence: str
    skipped: tuple[Skipped, ...]


def prepare_splits(source: str, shares: Mapping[str, float], limits: Mapping[str, int | None], root: Path) -> PreparedData:
    """Load, split and write a source, or find it done.

    Args:
        source: As in `load_records`.
        shares: As in `split_records`.
        limits: As in `split_records`.
        root: The cache folder.

    Raises:
        HarnessError: as `load_records` and `split_records`; STORAGE for the cache; and when a split that was asked for
            comes out empty.
    """
    asked = {"content": content_digest(source), "shares": dict(shares), "limits": dict(limits), "code": _code_digest()}
    key = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:20]

    def build(folder: Path) -> None:
        loaded = load_records(source)
        parts = split_records(loaded.records, shares, limits)
        for name in SPLITS:
            if not parts[name] and shares.get(name, 0) > 0 and limits.get(name) != 0:
                why = f"{len(loaded.records)} records, share {shares[name]:g}"
                raise HarnessError(f"the split {name} is empty", why=why, fix="give it a larger share, or more records")
            (folder / f"{name}.jsonl").write_text(to_jsonl(parts[name]), "utf-8")
        digests = {name: data_digest(part) for name, part in parts.items()}
        counts = {name: len(part) for name, part in parts.items()}
        (folder / _MANIFEST).write_text(json.dumps(_manifest(loaded, counts, digests), indent=1), "utf-8")

    return _read(published(root, f"data/{key}", build))


def _manifest(loaded: Loaded, counts: Mapping[str, int], digests: Mapping[str, str]) -> dict[str, Any]:
    skipped = [asdict(row) for row in loaded.skipped]
    return {"counts": counts, "digests": digests, "origin": loaded.origin, "licence": loaded.licence, "skipped": skipped}


def _read(folder: Path) -> PreparedData:
    manifest = json.loads((folder / _MANIFEST).read_text("utf-8"))
    skipped = tuple(Skipped(**row) for row in manifest.pop("skipped"))
    return PreparedData(files={name: folder / f"{name}.jsonl" for name in SPLITS}, skipped=skipped, **manifest)


def _code_digest() -> str:
    """sha256, hex, of the modules that make the records, and of the Python whose `ast.unparse` writes the tests."""
    digest = hashlib.sha256(f"{sys.version_info[:2]}".encode())
    for name in _CODE:
        digest.update(Path(__file__).with_name(f"{name}.py").read_bytes())
    return digest.hexdigest()
