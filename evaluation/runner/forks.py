"""Runs one task in a forked child under limits, and leaves no process behind. Knows nothing of suites.

The child answers over a pipe with a message that starts with a nonce; its exit status is never believed.
"""

from __future__ import annotations

import contextlib
import gc
import json
import math
import os
import resource
import select
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Message = dict[str, Any]
MAX_MESSAGE_BYTES = 4 << 20
MAX_FILE_BYTES = 16 << 20
MAX_OPEN_FILES = 64
MAX_PROCESSES = 64
POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one fork.

    Attributes:
        wall_s: Seconds until it is killed.
        cpu_s: CPU seconds until it is killed; unlike wall seconds they mean the same on a loaded machine.
        memory_bytes: Address space.
        private: Whether this process is alone in a PID namespace.
    """

    wall_s: float
    cpu_s: float
    memory_bytes: int
    private: bool


@dataclass(frozen=True, slots=True)
class Ended:
    """How a fork ended: with a message, stopped for time, or dead (`detail` says how)."""

    message: Message | None
    timed_out: bool
    detail: str
    cpu_s: float


def alone_in_pid_namespace() -> bool:
    """Whether `kill(-1)` reaches only what this process started: it is then number 1, or 2 behind bwrap."""
    return os.getpid() <= 3


def run_forked(task: Callable[[], Message], limits: Limits) -> Ended:
    """Run `task` in a child process and return its message. Everything the child started is killed afterwards.

    The child is a new process group; standard streams are expected to be /dev/null already.
    """
    nonce = os.urandom(16).hex().encode()
    read_fd, write_fd = os.pipe()
    gc.freeze()
    pid = os.fork()
    if pid == 0:
        _child(task, write_fd, nonce, limits)
    os.close(write_fd)
    try:
        return _follow(pid, read_fd, nonce, limits)
    finally:
        os.close(read_fd)
        kill_leftovers(private=limits.private)


def _child(task: Callable[[], Message], write_fd: int, nonce: bytes, limits: Limits) -> None:
    """Run the task and leave through `os._exit`, so that no atexit handler of a suite runs."""
    own = os.getpid()
    os.setpgid(0, 0)
    channel = os.dup2(write_fd, 3, inheritable=False) if write_fd != 3 else 3
    os.dup2(0, 2)  # standard error leads to the scorer
    os.closerange(4, 256)
    _limit(limits)
    try:
        message = task()
    except MemoryError:
        message = {"memory": True}
    except BaseException as error:  # noqa: BLE001 - the border to suite code, which may raise anything
        message = {"error": describe(error)}
    # A test that forks leaves a second process that comes back up here.
    if os.getpid() == own:
        data = memoryview(nonce + json.dumps(message).encode() + b"\0")
        while data:
            data = data[os.write(channel, data) :]
    os._exit(0)


def _limit(limits: Limits) -> None:
    cpu = math.ceil(limits.cpu_s) + 1
    wanted = {
        resource.RLIMIT_CPU: cpu,
        resource.RLIMIT_AS: limits.memory_bytes,
        resource.RLIMIT_FSIZE: MAX_FILE_BYTES,
        resource.RLIMIT_NOFILE: MAX_OPEN_FILES,
        resource.RLIMIT_CORE: 0,
    }
    if limits.private:
        # Outside a user namespace this counts every process of the user. It never binds root.
        wanted[resource.RLIMIT_NPROC] = MAX_PROCESSES
    for which, value in wanted.items():
        hard = resource.getrlimit(which)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(which, (value, value))


def _follow(pid: int, read_fd: int, nonce: bytes, limits: Limits) -> Ended:
    watch = os.pidfd_open(pid)
    try:
        data, timed_out = _receive(pid, read_fd, watch, limits)
    finally:
        os.close(watch)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        _, status, usage = os.wait4(pid, 0)
    cpu = usage.ru_utime + usage.ru_stime
    if timed_out:
        return Ended(None, timed_out=True, detail=f"stopped after {cpu:.1f} s of CPU time", cpu_s=cpu)
    if data.startswith(nonce) and data.endswith(b"\0"):
        with contextlib.suppress(ValueError):
            return Ended(json.loads(data[len(nonce) : -1]), timed_out=False, detail="", cpu_s=cpu)
    return Ended(None, timed_out=_is_cpu_limit(status), detail=_death(status), cpu_s=cpu)


def _receive(pid: int, read_fd: int, watch: int, limits: Limits) -> tuple[bytes, bool]:
    """What the child wrote, and whether it ran out of time."""
    data = bytearray()
    deadline = time.monotonic() + limits.wall_s
    sources = [read_fd, watch]
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or _cpu_seconds(pid) > limits.cpu_s:
            return bytes(data), True
        ready, _, _ = select.select(sources, [], [], min(POLL_S, left))
        if read_fd in ready:
            chunk = os.read(read_fd, 1 << 16)
            data += chunk
            if chunk.endswith(b"\0") or len(data) > MAX_MESSAGE_BYTES:
                return bytes(data), False
            if not chunk:
                sources.remove(read_fd)
        elif watch in ready:
            return bytes(data), False


def _cpu_seconds(pid: int) -> float:
    # The CPU clock of another process, as clock_getcpuclockid(3) builds it; needs no /proc.
    try:
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return 0.0


def _is_cpu_limit(status: int) -> bool:
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU


def _death(status: int) -> str:
    if os.WIFSIGNALED(status):
        return f"killed by {signal.Signals(os.WTERMSIG(status)).name} before its tests ended"
    return f"the process ended itself (status {os.WEXITSTATUS(status)}) before its tests ended"


def kill_leftovers(*, private: bool) -> None:
    """Kill whatever a fork left behind, in another session or not; returns when nothing is left."""
    deadline = time.monotonic() + 5.0
    while time.monotonic() < deadline:
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if private and alone_in_pid_namespace():
            try:
                os.kill(-1, signal.SIGKILL)
            except ProcessLookupError:
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


def describe(error: BaseException) -> str:
    """Type and first line of a suite's exception, cut short; its `__str__` may raise too."""
    try:
        text = (str(error).strip().splitlines() or [""])[0]
    except BaseException:  # noqa: BLE001 - suite code again
        text = ""
    return f"{type(error).__name__}: {text}"[:200].rstrip(": ")
