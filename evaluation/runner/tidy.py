"""Empties and measures the folder that runs write to, whatever they put there: chains deeper than any path, closed folders.

Owns no policy. Works through descriptors that follow no link, so that a run which is still alive cannot lead it elsewhere.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterator

FOLDER = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
MAX_DEPTH = 32


def empty(folder: str, *, unlock: bool = False) -> bool:
    """Remove everything in a folder; whether nothing is left.

    What lies in an inner folder is moved up rather than descended to, so depth costs neither stack nor descriptors.

    Args:
        folder: Stays itself.
        unlock: Open folders that their owner closed; only outside of the filters, where chmod has an effect.

    Raises:
        OSError: if the folder itself cannot be read.
    """
    top = os.open(folder, FOLDER)
    numbers = itertools.count()
    try:
        while True:
            names = _names(top)
            gone = [_unlinked(name, top) or _dissolved(name, top, numbers, unlock=unlock) for name in names]
            if not any(gone):
                return not names
    finally:
        os.close(top)


def _names(fd: int) -> list[str]:
    with os.scandir(fd) as entries:
        return [entry.name for entry in entries]


def _unlinked(name: str, top: int) -> bool:
    with contextlib.suppress(OSError):
        os.unlink(name, dir_fd=top)
        return True
    return False


def _dissolved(name: str, top: int, numbers: Iterator[int], *, unlock: bool) -> bool:
    """Remove a folder, or at least something in it, or move it up."""
    with contextlib.suppress(OSError):
        os.rmdir(name, dir_fd=top)
        return True
    moved = False
    with contextlib.suppress(OSError):
        if unlock:
            _unlock(name, top)
        inner = os.open(name, FOLDER, dir_fd=top)
        try:
            for child in _names(inner):
                moved |= _unlinked(child, inner) or _lifted(child, inner, top, numbers)
        finally:
            os.close(inner)
    return moved


def _lifted(child: str, inner: int, top: int, numbers: Iterator[int]) -> bool:
    with contextlib.suppress(OSError):
        os.rmdir(child, dir_fd=inner)
        return True
    for number in numbers:
        with contextlib.suppress(FileNotFoundError):
            os.lstat(f"lifted-{number}", dir_fd=top)
            continue
        with contextlib.suppress(OSError):
            os.rename(child, f"lifted-{number}", src_dir_fd=inner, dst_dir_fd=top)
            return True
        return False
    return False


def _unlock(name: str, top: int) -> None:
    place = os.open(name, FOLDER | os.O_PATH, dir_fd=top)
    try:
        os.chmod(f"/proc/self/fd/{place}", 0o700)  # noqa: PTH101 - by descriptor: nobody can swap it for a link
    finally:
        os.close(place)


def exceeds(folder: str, files: int, size: int) -> bool:
    """Whether a folder holds more than it may. What cannot be looked into, or is nested deeper than `MAX_DEPTH`, counts as more.

    Args:
        folder: May change meanwhile.
        files: Entries allowed, folders included.
        size: Bytes allowed on disk.
    """
    left = [files, size]
    try:
        return _exceeds(os.open(folder, FOLDER), left, MAX_DEPTH)
    except FileNotFoundError:
        return False
    except OSError:
        return True


def _exceeds(fd: int, left: list[int], depth: int) -> bool:
    try:
        with os.scandir(fd) as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):
                    left[0] -= 1
                    left[1] -= entry.stat(follow_symlinks=False).st_blocks * 512
                    if min(left) < 0 or depth == 0:
                        return True
                    if entry.is_dir(follow_symlinks=False) and _exceeds(os.open(entry.name, FOLDER, dir_fd=fd), left, depth - 1):
                        return True
        return False
    finally:
        os.close(fd)
