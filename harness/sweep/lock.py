"""One sweep at a time per study: an advisory lock that the kernel drops when its holder dies, however it dies."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Self


class StudyLock:
    """An exclusive lock on a study's folder of trials."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / ".lock"
        self._descriptor: int | None = None

    def acquire(self) -> bool:
        """Take the lock without waiting; False when another process holds it.

        Raises:
            OSError: if the folder cannot be made or written.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        os.truncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        self._descriptor = descriptor
        return True

    def holder(self) -> str:
        """The process id that last took the lock, for a message."""
        return self._path.read_text("utf-8").strip() if self._path.exists() else "unknown"

    def held_by(self) -> str | None:
        """The process id that holds the lock, without a touch of it; None where nobody does.

        Taking it for a look would make a sweep that starts at that moment believe that it is one too many.
        """
        try:
            inode = self._path.stat().st_ino
            held = [line.split() for line in Path("/proc/locks").read_text("ascii").splitlines()]
        except OSError:
            return None
        mine = (fields[4] for fields in held if fields[1] == "FLOCK" and fields[5].endswith(f":{inode}"))
        return next(mine, None)

    def release(self) -> None:
        """Give the lock back; harmless when it is not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
