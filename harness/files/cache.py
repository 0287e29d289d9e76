"""Owns the cache folder: where it is, and how a finished thing gets into it whole. Knows nothing of what is cached.

A folder under its final name is complete, always: it is built under a hidden temporary name beside it and renamed, under
an exclusive lock, so that two processes never build the same thing and a killed builder leaves nothing that looks finished.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from harness.core.errors import ExitCode, HarnessError
from harness.files.places import BUILDING, cure, expanded, reason

# Whoever raises one of these while building has met the disk, not a bug.
_DISK_ERRNOS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO})


def default_cache_root(environ: Mapping[str, str]) -> Path:
    """The cache folder that an environment asks for: HARNESS_CACHE, else XDG_CACHE_HOME/harness, else ~/.cache/harness.

    Args:
        environ: The process environment, handed in by the entry point. An empty value counts as unset.
    """
    if chosen := environ.get("HARNESS_CACHE"):
        return expanded(chosen).absolute()
    # The XDG specification says that a relative XDG_CACHE_HOME is to be ignored.
    xdg = environ.get("XDG_CACHE_HOME")
    base = Path(xdg) if xdg and Path(xdg).is_absolute() else expanded("~/.cache")
    return base / "harness"


def published(root: Path, key: str, build: Callable[[Path], None]) -> Path:
    """The complete folder `root`/`key`, built now if it is not there yet.

    Args:
        root: The cache folder; made if absent.
        key: Relative path of the entry, e.g. ``data/3f2a``. Everything that decides its content belongs into it.
        build: Fills the empty folder it is given. Called at most once among all processes that ask at the same time;
            whoever comes second waits.

    Returns:
        The entry's folder. Treat it as read-only.

    Raises:
        HarnessError: STORAGE when the disk is full or the cache folder cannot be written.
    """
    target = root / key
    if target.is_dir():
        return target
    with _storage_errors(root, None):
        target.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(target.with_name(f".{target.name}.lock"), os.O_RDWR | os.O_CREAT, 0o644)
    try:
        # The kernel drops the lock with the process, so a kill -9 cannot leave it held.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.is_dir():
            _build(root, target, build)
    finally:
        os.close(lock)
    return target


def _build(root: Path, target: Path, build: Callable[[Path], None]) -> None:
    """Build under a temporary name and rename; the caller holds the lock, so every other temporary folder is a dead builder's."""
    prefix = f".{target.name}{BUILDING}"
    with _storage_errors(root, None):
        for leftover in target.parent.glob(f"{prefix}*"):
            shutil.rmtree(leftover)
        temporary = Path(tempfile.mkdtemp(prefix=prefix, dir=target.parent))
    try:
        with _storage_errors(root, _DISK_ERRNOS):
            build(temporary)
        with _storage_errors(root, None):
            temporary.chmod(0o755)  # mkdtemp makes it 0700, which a shared cache cannot use
            _flush(temporary)
            temporary.rename(target)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _flush(folder: Path) -> None:
    """Force the files to disk: without it a power cut after the rename can leave a complete name over empty files."""
    for path in folder.rglob("*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


@contextmanager
def _storage_errors(root: Path, errnos: frozenset[int] | None) -> Iterator[None]:
    """Turn an OSError (any, or one of `errnos`) into the three lines a person can act on."""
    try:
        yield
    except OSError as error:
        if errnos is not None and error.errno not in errnos:
            raise
        raise HarnessError(
            f"cannot write to the cache folder {root}",
            why=reason(error),
            fix=cure(error, "point HARNESS_CACHE at a folder that can be written"),
            code=ExitCode.STORAGE,
        ) from error
