"""Runs one task in a forked child under limits, and leaves no process behind. Knows nothing of suites.

The child answers over a pipe with a message that starts with a nonce; its exit status is never believed.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import resource
import select
import signal
import time
from collections.abc import Callable
from pathlib import Path

from evaluation.runner.confine import Confinement
from evaluation.runner.tidy import exceeds
from evaluation.runner.wire import ANSWERED, DIED, FORGED, FULL, TIMED_OUT, Ended, Limits, Message, describe

MAX_MESSAGE_BYTES = 4 << 20
MAX_FILE_BYTES = 16 << 20
MAX_FOLDER_BYTES = 64 << 20
MAX_FOLDER_FILES = 4096
MAX_HIDDEN_BYTES = 256 << 20
MAX_OPEN_FILES = 64
POLL_S = 0.05
CHANNEL = 3
ENCODE = json.JSONEncoder().encode  # bound here: a suite may put another `json.dumps` in its place
Task = Callable[[Callable[[Message], None]], Message]


def run_forked(task: Task, limits: Limits, confinement: Confinement) -> Ended:
    """Run `task` in a confined child process and hand its answer back. Everything the child started is killed afterwards.

    Args:
        task: Gets a function that sends a last message and ends the process at once; else its result is the message.
        limits: Of the child.
        confinement: How the child is fenced in.
    """
    nonce = os.urandom(16).hex().encode()
    read_fd, write_fd = os.pipe()
    started = time.monotonic()
    pid = os.fork()
    if pid == 0:
        _child(task, (write_fd, nonce), limits, confinement)
    os.close(write_fd)
    try:
        how, cpu_s, data = _follow(pid, read_fd, limits, confinement.folder)
    finally:
        os.close(read_fd)
        kill_leftovers(confinement)
    if how == ANSWERED:
        genuine = data.startswith(nonce) and data.endswith(b"\0")
        how, data = (ANSWERED, data[len(nonce) : -1]) if genuine else (FORGED, b"")
    return Ended(how, cpu_s, time.monotonic() - started, data if how == ANSWERED else b"")


def _child(task: Task, answer: tuple[int, bytes], limits: Limits, confinement: Confinement) -> None:
    """Run the task and leave through `os._exit`, so that no atexit handler of a suite runs."""
    own = os.getpid()
    channel, nonce = answer

    def send(message: Message) -> None:
        data = memoryview(nonce + ENCODE(message).encode() + b"\0")
        while data:
            data = data[os.write(CHANNEL, data) :]
        os._exit(0)

    try:
        if channel != CHANNEL:
            os.dup2(channel, CHANNEL, inheritable=False)
        _limit(limits, confinement.tasks)
        message = task(send)
    except MemoryError:
        message = {"memory": True}
    except BaseException as error:  # noqa: BLE001 - the border to suite code, which may raise anything
        message = {"error": describe(error)}
    # A test that forks, where that is possible at all, leaves a second process that comes back up here.
    if os.getpid() == own:
        send(message)
    os._exit(0)


def _limit(limits: Limits, tasks: int | None) -> None:
    wanted = {
        resource.RLIMIT_CPU: math.ceil(limits.cpu_s) + 1,
        resource.RLIMIT_AS: limits.memory_bytes,
        resource.RLIMIT_FSIZE: MAX_FILE_BYTES,
        resource.RLIMIT_NOFILE: MAX_OPEN_FILES,
        resource.RLIMIT_CORE: 0,
    }
    if tasks is not None:
        wanted[resource.RLIMIT_NPROC] = tasks
    for which, value in wanted.items():
        hard = resource.getrlimit(which)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(which, (value, value))


def _follow(pid: int, read_fd: int, limits: Limits, folder: str) -> tuple[int, float, bytes]:
    watch = os.pidfd_open(pid)
    try:
        how, data = _receive(pid, (read_fd, watch), limits, folder)
    finally:
        os.close(watch)
        for kill in (os.killpg, os.kill):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                kill(pid, signal.SIGKILL)
        _, status, usage = os.wait4(pid, 0)
    if how == DIED and os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU:
        how = TIMED_OUT
    return how, usage.ru_utime + usage.ru_stime, data


def _receive(pid: int, fds: tuple[int, int], limits: Limits, folder: str) -> tuple[int, bytes]:
    """How it ended and what it wrote."""
    data = bytearray()
    deadline = time.monotonic() + limits.wall_s
    free = _free_bytes(folder)
    look = time.monotonic() + POLL_S
    read_fd, watch = fds
    sources = [read_fd, watch]
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or _cpu_seconds(pid) > limits.cpu_s:
            return TIMED_OUT, bytes(data)
        ready, _, _ = select.select(sources, [], [], min(POLL_S, left))
        if time.monotonic() > look:
            if exceeds(folder, MAX_FOLDER_FILES, MAX_FOLDER_BYTES):
                return DIED, b""
            # Files without a name are in no listing. That space is missing does not say who took it, so the scorer asks again.
            if free - _free_bytes(folder) > MAX_HIDDEN_BYTES:
                return FULL, b""
            look = time.monotonic() + POLL_S
        if read_fd in ready:
            chunk = os.read(read_fd, 1 << 16)
            data += chunk
            if chunk.endswith(b"\0") or len(data) > MAX_MESSAGE_BYTES:
                return ANSWERED, bytes(data)
            if not chunk:
                sources.remove(read_fd)
        elif watch in ready:
            return (ANSWERED if data else DIED), bytes(data)


def _free_bytes(folder: str) -> int:
    found = os.statvfs(folder)
    return found.f_bfree * found.f_frsize


def _cpu_seconds(pid: int) -> float:
    # The CPU clock of another process, as clock_getcpuclockid(3) builds it; needs no /proc.
    try:
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return 0.0


def kill_leftovers(confinement: Confinement) -> None:
    """Kill whatever a run left behind, in another session or not; returns when nothing is left.

    Where runs can start no process there is nothing to look for. Otherwise `kill(-1)` is used where it reaches nothing but
    this process's descendants: behind a Landlock signal scope, or as the first process of a PID namespace.
    """
    if not confinement.can_fork:
        return
    deadline = time.monotonic() + 5.0
    while time.monotonic() < deadline:
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if confinement.signals_scoped:
            try:
                os.kill(-1, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                return
        elif not _kill_children():
            return
        time.sleep(0.0005)


def _kill_children() -> bool:
    """Kill every child; orphans are children too, because this process is their subreaper."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text("ascii").split()
    for child in children:
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(child), signal.SIGKILL)
    return bool(children)
