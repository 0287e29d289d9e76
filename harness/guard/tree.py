"""The resident memory of a process tree, seen from outside.

Owns who is a member. Cheap enough for 50 looks a second: 2 us a process and look. The children of known main threads are
read at 5 Hz at most, and only after any process of the machine was started; those of every thread at 1 Hz.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass

import psutil

from harness.guard.procfs import KeptFile, read_once, resident_bytes

RENEW_SECONDS = 1.0
HASTE_SECONDS = 0.2
_CHILDREN_BYTES = 4096


@dataclass(frozen=True, slots=True)
class _Member:
    """Two files of one process: its memory, and the children of its main thread (None where the kernel has no such file)."""

    statm: KeptFile
    children: KeptFile | None

    def close(self) -> None:
        self.statm.close()
        if self.children is not None:
            self.children.close()


class ProcessTree:
    """The processes at and below one pid.

    A member stays one after its parent died (somebody adopted it), and a pid is never confused with a later process
    of the same number: a kept descriptor of /proc/PID goes dead with its process.
    """

    def __init__(self, pid: int) -> None:
        self._members: dict[int, _Member] = {}
        self._loadavg = KeptFile.maybe("/proc/loadavg")
        self._newest = b""
        self._hasted = self._renewed = float("-inf")
        self._add((pid,))

    def rss_bytes(self) -> int:
        """Resident bytes of all members together; a page shared by two counts twice."""
        self._renew_when_due()
        try:
            return sum([resident_bytes(member.statm.read()) for member in self._members.values()])
        except OSError:
            self._drop_dead()
        return self.rss_bytes()

    def pids(self) -> frozenset[int]:
        """The members now, renewed."""
        self._renew()
        return frozenset(self._members)

    def close(self) -> None:
        """Forget everyone."""
        while self._members:
            self._members.popitem()[1].close()

    def _add(self, pids: Iterable[int]) -> list[int]:
        """Take in who is new; returns them."""
        new = []
        for pid in pids:
            statm = None if pid in self._members else KeptFile.maybe(f"/proc/{pid}/statm")
            if statm is not None:
                self._members[pid] = _Member(statm, KeptFile.maybe(f"/proc/{pid}/task/{pid}/children", _CHILDREN_BYTES))
                new.append(pid)
        return new

    def _renew_when_due(self) -> None:
        now = time.monotonic()
        if now - self._renewed >= RENEW_SECONDS:
            self._hasted = self._renewed = now
            self._renew()
        elif now - self._hasted >= HASTE_SECONDS and (newest := self._newest_pid()) != self._newest:
            self._hasted, self._newest = now, newest
            self._add_children_of_main_threads()

    def _newest_pid(self) -> bytes:
        """The last number given to any process, the end of /proc/loadavg: unchanged, nobody was started."""
        with contextlib.suppress(OSError):
            if self._loadavg is not None:
                return self._loadavg.read().rsplit(None, 1)[-1]
        return b""

    def _add_children_of_main_threads(self) -> None:
        waiting = list(self._members)
        while waiting:
            children = self._members[waiting.pop()].children
            with contextlib.suppress(OSError):  # dead: `rss_bytes` drops it
                if children is not None:
                    waiting += self._add(map(int, children.read().split()))

    def _renew(self) -> None:
        self._drop_dead()
        waiting = list(self._members)
        while waiting:
            waiting += self._add(_children(waiting.pop()))

    def _drop_dead(self) -> None:
        for pid, member in tuple(self._members.items()):
            try:
                member.statm.read()
            except OSError:
                self._members.pop(pid).close()


def _children(pid: int) -> list[int]:
    """Pids of the processes that any thread of `pid` started or adopted."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208 - a third of pathlib's time
            try:
                found += map(int, read_once(f"/proc/{pid}/task/{thread}/children").split())
            except FileNotFoundError:
                if not _kernel_lists_children():
                    return _children_by_walk(pid)
    return found


def _kernel_lists_children() -> bool:
    """Whether this kernel was built with CONFIG_PROC_CHILDREN; without it (some sandboxes) all of /proc is walked."""
    return os.path.exists(f"/proc/self/task/{os.getpid()}/children")  # noqa: PTH110 - beside the other look-ups here


def _children_by_walk(pid: int) -> list[int]:
    with contextlib.suppress(psutil.Error):
        return [child.pid for child in psutil.Process(pid).children()]
    return []
