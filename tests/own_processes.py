"""The processes that a test has started below pytest, without those that serve several tests."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

import psutil

_SERVICES = ("multiprocessing.resource_tracker", "multiprocessing.forkserver")
_of_others: set[int] = set()


def remember_others() -> None:
    """Before a test: what runs now is not its own. Reads what the kernel keeps per thread, which costs nothing."""
    _of_others.clear()
    for kept in Path("/proc/self/task").glob("*/children"):
        _of_others.update(map(int, kept.read_text("ascii").split()))


def children(recursive: bool = False) -> list[psutil.Process]:
    """As `psutil.Process.children`. Whoever killed a tracker of semaphores or a fork server would fail another test."""
    own = [child for child in psutil.Process().children() if child.pid not in _of_others and not _is_service(child)]
    return [*own, *(below for child in own for below in _below(child))] if recursive else own


def alive(pid: int) -> bool:
    """Whether a process runs; one that ended and was not waited for does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def gone(pids: Iterable[int], seconds: float) -> bool:
    """Wait until none of them is alive; False when one still is after so many seconds."""
    end = time.monotonic() + seconds
    waited_for = [pid for pid in pids if alive(pid)]
    while waited_for and time.monotonic() < end:
        time.sleep(0.01)
        waited_for = [pid for pid in waited_for if alive(pid)]
    return not waited_for


def words(process: psutil.Process) -> list[str]:
    """The command line of a process that may end any moment; then none."""
    try:
        return list(process.cmdline())
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return []


def _below(process: psutil.Process) -> list[psutil.Process]:
    try:
        return list(process.children(recursive=True))
    except psutil.NoSuchProcess:
        return []


def _is_service(process: psutil.Process) -> bool:
    return any(service in word for word in words(process) for service in _SERVICES)
