"""Who holds a lease: one process, named so that nobody else is ever taken for it, and whether it still lives.

Owns the naming and the look into /proc. What follows from a death is `leases`'.
"""

from __future__ import annotations

import os
import socket
import uuid
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Self

_ENDED = ("Z", "X", "x")  # zombie, dead: see proc(5)


class Life(Enum):
    """What this machine can say of a process."""

    ALIVE = "alive"
    DEAD = "dead"
    ELSEWHERE = "elsewhere"
    """On another machine, in another container, before the last boot, or hidden: only its beats tell."""


@dataclass(frozen=True, slots=True)
class Owner:
    """One process.

    Attributes:
        host: The machine's name, for people.
        boot: The kernel's boot id and the namespace that `pid` counts in; two containers with the same host name differ here.
        pid: Process id.
        started: Clock ticks from boot to its start; tells it from a later process with the same id.
    """

    host: str
    boot: str
    pid: int
    started: int

    @classmethod
    def here(cls) -> Self:
        """This process."""
        pid = os.getpid()
        state = _stat(pid)
        return cls(socket.gethostname(), _boot(), pid, state[1] if state else 0)

    @property
    def text(self) -> str:
        """One line that `parse` reads back; equal for equal owners."""
        return f"{self.pid} {self.started} {self.boot} {self.host}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The owner that a line of `text` names.

        Raises:
            ValueError: if it is none.
        """
        pid, started, boot, host = text.split(" ", 3)
        return cls(host, boot, int(pid), int(started))

    def life(self) -> Life:
        """Whether the process lives, as far as this machine can say."""
        if self.boot != _boot() or self.host != socket.gethostname():
            return Life.ELSEWHERE
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return Life.DEAD
        except PermissionError:
            pass  # another user's
        state = _stat(self.pid)
        if state is None:
            return Life.ELSEWHERE  # it is there, but hidden (mount option hidepid)
        return Life.DEAD if state[0] in _ENDED or state[1] != self.started else Life.ALIVE


@cache
def _boot() -> str:
    """Where there is no boot id, something nobody else has: then a process is judged by its beats alone."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        return f"{boot}/{os.readlink('/proc/self/ns/pid')}"  # noqa: PTH115 -- Path.readlink reads pid:[N] as a path
    except OSError:
        return f"unknown/{uuid.uuid4()}"


def _stat(pid: int) -> tuple[str, int] | None:
    """State and start time of a process; None where it cannot be seen."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text("utf-8", errors="replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()  # the name before it may hold anything
    return fields[0], int(fields[19])
