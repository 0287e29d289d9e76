"""Files of /proc and of control groups that are read many times a second, each through a descriptor that stays open.

Owns those descriptors. Reading an open file takes 1 to 6 us, opening it as much again; and a descriptor of /proc/PID
means one process for good: once that is gone every read fails, whoever has the number then.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Self

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_SMALL = 256
_WHOLE = 1 << 16
_KIB = 1024


class KeptFile:
    """One small file, opened once and read from its start every time.

    Raises:
        OSError: if it cannot be opened.
    """

    def __init__(self, path: Path | str, size: int = _SMALL) -> None:
        self._size = size
        self._descriptor = -1
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    @classmethod
    def maybe(cls, path: Path | str, size: int = _SMALL) -> Self | None:
        """The file, or None where it cannot be opened."""
        try:
            return cls(path, size)
        except OSError:
            return None

    def read(self) -> bytes:
        """At most `size` bytes of it.

        Raises:
            OSError: if it cannot be read; ProcessLookupError when its process is gone.
        """
        return os.pread(self._descriptor, self._size, 0)

    def close(self) -> None:
        """Give the descriptor back; harmless when repeated."""
        if self._descriptor >= 0:
            with contextlib.suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = -1

    def __del__(self) -> None:
        self.close()


def read_once(path: str) -> bytes:
    """A small file of /proc whole; pathlib takes three times as long.

    Raises:
        OSError: if it cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(descriptor, _WHOLE)
    finally:
        os.close(descriptor)


def resident_bytes(statm: bytes) -> int:
    """Resident bytes from the text of /proc/PID/statm, whose second word counts pages; 0 for a zombie."""
    return int(statm.split()[1]) * PAGE_BYTES


def meminfo_bytes(text: bytes, name: bytes) -> int | None:
    """One line of /proc/meminfo in bytes; None where it is missing (MemAvailable before Linux 3.14)."""
    for line in text.splitlines():
        if line.startswith(name + b":") and line.endswith(b" kB"):
            return int(line.split()[1]) * _KIB
    return None
