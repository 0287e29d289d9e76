"""The process between the harness and a trial: a script of its own, run as ``python -I -S keeper.py FD [PASSED ...]``.

Imports the standard library only, so that it starts in about 20 ms and cannot fail on a broken environment. It owns
the promise that nothing outlives the trial: it adopts every orphan below it (PR_SET_CHILD_SUBREAPER), so even a
grandchild that called setsid stays in reach, and it kills all of them when the trial ends or when FD reaches its end
of file, which the kernel brings about however the harness dies.

FD is one end of a socket. In: one JSON line with the argv, then the letter ``t`` (SIGTERM to the trial's process
group); the end of file is the order to SIGKILL everything. Out: ``{"pid": N}``, then ``{"returncode": N}`` when
everything is gone. The descriptors PASSED are the trial's alone: once it runs, they are closed here.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import select
import signal
import socket
import sys
import time
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
EXEC_FAILED = 127
CLEANUP_SECONDS = 10.0


def prctl(option: int, value: int) -> None:
    """Set an attribute of this process; `option` and `value` are those of the system call.

    Raises:
        OSError: if the kernel refuses.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def descendants(root: int) -> list[int]:
    """Pids of every process below `root`, zombies left out."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):  # noqa: PTH208 - pathlib costs 10 ms at start and is slower here
        if not entry.isdigit():
            continue
        try:
            stat = Path("/proc", entry, "stat").read_bytes()
        except OSError:
            continue
        state, parent = stat[stat.rfind(b")") + 2 :].split()[:2]
        if state not in b"ZX":
            children.setdefault(int(parent), []).append(int(entry))
    found, waiting = [], [root]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def start_trial(argv: list[str]) -> int:
    """Fork and exec the trial in a session of its own, tied to this process's life; returns its pid.

    Returns only after the exec, which closes the pipe: an earlier SIGTERM would still be ignored, as it is here.
    """
    keeper = os.getpid()
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid:
        os.close(write_end)
        os.read(read_end, 1)
        os.close(read_end)
        return pid
    try:
        os.setsid()
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != keeper:  # it died between fork and prctl: the signal would never come
            os._exit(EXEC_FAILED)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        signal.set_wakeup_fd(-1)
        os.execvp(argv[0], argv)  # noqa: S606 - no shell is the point
    except OSError as error:
        os.write(2, f"cannot start {argv[0]}: {error}\n".encode())
    os._exit(EXEC_FAILED)


class Keeper:
    """Reaps, forwards signals and cleans up for one trial."""

    def __init__(self, line: socket.socket) -> None:
        self.line = line
        self.trial = 0
        self.status: int | None = None
        self.wakeup, write_end = os.pipe()
        os.set_blocking(write_end, False)
        os.set_blocking(self.wakeup, False)
        signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def reap(self) -> None:
        """Collect every dead child, remembering how the trial itself ended."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self.trial:
                self.status = os.waitstatus_to_exitcode(status)

    def kill_all(self) -> None:
        """SIGKILL everything below until nothing is left: a fork in between is caught by the next round."""
        end = time.monotonic() + CLEANUP_SECONDS
        while (living := descendants(os.getpid())) and time.monotonic() < end:
            for pid in living:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            time.sleep(0.002)
            self.reap()
        self.reap()

    def obey(self) -> None:
        """Read the parent's order."""
        try:
            orders = self.line.recv(64)
        except OSError:
            orders = b""
        if not orders:
            self.kill_all()
            return
        try:
            os.killpg(self.trial, signal.SIGTERM)
        except ProcessLookupError:
            return

    def run(self, argv: list[str], passed: list[int]) -> int:
        """Start the trial and stay until it is gone with all it started; returns its exit code as Popen has it."""
        self.trial = start_trial(argv)
        for number in passed:  # the harness would see no end of file while a copy is open here
            os.close(number)
        self.line.sendall(json.dumps({"pid": self.trial}).encode() + b"\n")
        sources: list[socket.socket | int] = [self.line, self.wakeup]
        while self.status is None:
            ready, _, _ = select.select(sources, [], [])
            if self.wakeup in ready:
                os.read(self.wakeup, 4096)
                self.reap()
            if self.line in ready and self.status is None:
                self.obey()
        self.kill_all()
        return self.status


def main() -> None:
    """Read the argv from the socket, run the trial, report."""
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    with socket.socket(fileno=int(sys.argv[1])) as line:
        os.set_inheritable(line.fileno(), False)
        text = b""
        while not text.endswith(b"\n"):
            part = line.recv(65536)
            if not part:
                return
            text += part
        returncode = Keeper(line).run(json.loads(text)["argv"], [int(word) for word in sys.argv[2:]])
        try:
            line.sendall(json.dumps({"returncode": returncode}).encode() + b"\n")
        except OSError:
            return


if __name__ == "__main__":
    main()
