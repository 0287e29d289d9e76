"""Owns paths as a person writes them, and what is said when the system refuses one."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.core.errors import ExitCode, HarnessError

BUILDING = ".building-"
"""Part of the hidden name under which a folder is built."""

_CURES = {
    errno.ENOSPC: "free some disk space",
    errno.EDQUOT: "free some of your disk quota",
    errno.EROFS: "make the file system writable",
    errno.EACCES: "get the right to write there",
    errno.EPERM: "get the right to write there",
    errno.EIO: "have the disk looked at",
    errno.ENAMETOOLONG: "give a shorter name",
}


def expanded(path: str | Path) -> Path:
    """The path that a person wrote, with ~ and ~name expanded where there is such a home."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 - Path.expanduser raises for a name that nobody has


def absolute(path: str | Path) -> Path:
    """The same from the root on, without ``..``."""
    return Path(os.path.abspath(expanded(path)))  # noqa: PTH100 - Path.absolute keeps the dots


def reason(error: OSError) -> str:
    """What the system refused, in words; of a hidden name only the folder that it would have stood in."""
    said, name = error.strerror or str(error), str(error.filename or "")
    if BUILDING in name:
        return f"{said}, in {name[: name.index(BUILDING)].rpartition('/')[0] or '/'}"
    if error.errno == errno.EEXIST:
        return f"{name} is no folder"
    return f"{said}: {name}" if name else said


def cure(error: OSError, otherwise: str) -> str:
    """What can be done against a refusal.

    Args:
        error: It.
        otherwise: What can be done in any case.
    """
    known = _CURES.get(error.errno or 0)
    return f"{known}, or {otherwise}" if known else otherwise


@contextmanager
def writing(out: Path) -> Iterator[None]:
    """Turn a refusal to write a folder that a person named with ``--out`` into a HarnessError, STORAGE."""
    try:
        yield
    except OSError as error:
        fix = cure(error, "name another folder with --out")
        raise HarnessError(f"cannot write {out}", why=reason(error), fix=fix, code=ExitCode.STORAGE) from error
