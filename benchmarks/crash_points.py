"""Every moment at which a sweep is about to write something: what a process that dies there leaves behind.

Owns noticing the moments in the process itself: before each commit to a database, and before a file is opened for writing,
renamed, linked or removed.
"""

from __future__ import annotations

import os
import shutil
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine

_CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.link", "shutil.rmtree"}
_WRITING = os.O_WRONLY | os.O_RDWR
_SCHEMA = ("create", "drop", "alter")

Moment = Callable[[str], None]
"""Told what is about to happen."""


def watch(root: Path, moment: Moment) -> None:
    """Call `moment` before every write of this process's main thread, from now on, below `root` and to any database."""
    busy = False

    def tell(what: str) -> None:
        nonlocal busy
        if busy or threading.current_thread() is not threading.main_thread():
            return
        busy = True
        try:
            moment(what)
        finally:
            busy = False

    def audited(name: str, arguments: tuple[Any, ...]) -> None:
        if not busy and (name in _CHANGES or (name == "open" and _writes(arguments))) and _inside(root, arguments):
            tell(f"{name} {arguments[0]}")

    sys.addaudithook(audited)
    event.listen(Engine, "before_cursor_execute", lambda *given: _executes(given[0], given[2], tell))
    event.listen(Engine, "commit", lambda connection: _commits(connection, tell))


def _executes(connection: Connection, statement: str, tell: Moment) -> None:
    verb = statement.lstrip().split(None, 1)[0].lower()
    if verb in _SCHEMA:  # SQLite commits each of them at once
        tell(f"{verb} in {connection.engine.url.database}")
    elif verb not in ("select", "pragma"):
        connection.info["crash_point"] = statement.split("(")[0].strip()[:60]


def _commits(connection: Connection, tell: Moment) -> None:
    statement = connection.info.pop("crash_point", None)
    if statement is not None:
        tell(f"commit {statement}")


def _writes(arguments: tuple[Any, ...]) -> bool:
    _, mode, flags = arguments
    return bool(flags & _WRITING) if mode is None else any(letter in str(mode) for letter in "wax+")


def _inside(root: Path, arguments: tuple[Any, ...]) -> bool:
    """Whether it is about a file of the sweep's; a name relative to an open folder (`shutil.rmtree`) counts."""
    place = os.fsdecode(arguments[0]) if isinstance(arguments[0], str | bytes | os.PathLike) else ""
    return bool(place) and (place.startswith(str(root)) or not place.startswith("/"))


class Photographer:
    """Copies a folder at every moment.

    Args:
        root: What is copied.
        album: Where to: ``0``, ``1``, ...; a file ``names`` says what was about to happen.
        wanted: Whether a moment is kept, by its number.
    """

    def __init__(self, root: Path, album: Path, wanted: Callable[[int], bool] = lambda _: True) -> None:
        self._root, self._album, self._wanted = root, album, wanted
        self._count = 0

    def __call__(self, what: str) -> None:
        """Take one."""
        if self._wanted(self._count):
            shutil.copytree(self._root, self._album / str(self._count), symlinks=True)
        with (self._album / "names").open("a", encoding="utf-8") as names:
            names.write(what.replace("\n", " ") + "\n")
        self._count += 1
