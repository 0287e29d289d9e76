"""The processes that a test has started below pytest, without those that serve several tests."""

from __future__ import annotations

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


def _below(process: psutil.Process) -> list[psutil.Process]:
    try:
        return list(process.children(recursive=True))
    except psutil.NoSuchProcess:
        return []


def _is_service(process: psutil.Process) -> bool:
    try:
        return any(service in word for word in process.cmdline() for service in _SERVICES)
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return False
