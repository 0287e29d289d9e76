"""Owns where prepared data go: into the cache, under a key made of all that decides them, or into a folder of one's own."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from pathlib import Path

from harness.core.errors import ExitCode, HarnessError
from harness.data.prepared.ask import PrepareAsk, Say, silent
from harness.data.prepared.build import build
from harness.data.prepared.folder import MANIFEST, PreparedData, read_prepared
from harness.data.prepared.opening import Opened, open_all
from harness.files.cache import published
from harness.files.places import BUILDING, writing

__all__ = ["PrepareAsk", "PreparedData", "prepare_splits", "prepare_to", "read_prepared"]


def prepare_splits(ask: PrepareAsk, root: Path, say: Say = silent) -> PreparedData:
    """Load, validate, split and write sources, or find it done.

    Args:
        ask: What is to be prepared.
        root: The cache folder.
        say: Told what takes time.

    Raises:
        HarnessError: as `open_source` and `build`; STORAGE for the cache; and when a split that was asked for comes out
            empty.
    """
    opened = open_all(ask, root)
    return read_prepared(published(root, f"data/{opened.key()}", lambda folder: build(folder, opened, say)))


def prepare_to(ask: PrepareAsk, out: Path, say: Say = silent, *, cache: Path | None = None) -> PreparedData:
    """Prepare into a folder of the caller's choice: the whole of it appears at once, or nothing.

    Args:
        ask: What is to be prepared.
        out: New, empty, or with the very same content.
        say: Told what takes time.
        cache: For sources that keep what they made; None for the default cache.

    Raises:
        HarnessError: as `prepare_splits`; CONFLICT when `out` holds something else; STORAGE when it cannot be written.
    """
    with writing(out):
        _require_free_or_prepared(out)
    opened = open_all(ask, cache)
    with writing(out):
        _build_beside(opened, out, say)
    return read_prepared(out)


def _build_beside(opened: Opened, out: Path, say: Say) -> None:
    """Build under a hidden name on the same disk, and rename."""
    out.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".{out.name}{BUILDING}"
    _remove_dead(out.parent, prefix)
    temporary = Path(tempfile.mkdtemp(prefix=prefix, dir=out.parent))
    held = os.open(temporary, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        build(temporary, opened, say)
        temporary.chmod(0o755)  # mkdtemp makes it 0700
        if _is_filled(out):
            _require_same(temporary, out)
        else:
            temporary.rename(out)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        os.close(held)


def _remove_dead(parent: Path, prefix: str) -> None:
    """Remove what a killed builder left: the kernel drops its lock with the process, so a lock that can be had is nobody's."""
    for folder in parent.glob(f"{prefix}*"):
        held = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except BlockingIOError:
            continue
        finally:
            os.close(held)


def _is_filled(out: Path) -> bool:
    return out.exists() and (not out.is_dir() or any(out.iterdir()))


def _require_free_or_prepared(out: Path) -> None:
    if _is_filled(out) and not (out / MANIFEST).is_file():
        raise _conflict(out, "it exists, and is no prepared folder")


def _require_same(made: Path, out: Path) -> None:
    if (made / MANIFEST).read_bytes() != (out / MANIFEST).read_bytes():
        raise _conflict(out, "it holds data that were prepared otherwise, or from other sources")


def _conflict(out: Path, why: str) -> HarnessError:
    return HarnessError(f"{out} is in the way", why=why, fix="name another folder, or remove it", code=ExitCode.CONFLICT)
