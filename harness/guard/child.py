"""The parent's end of a supervised process: starting the keeper, talking to it, and making sure that all is gone.

Owns `Launch` and the socket; `harness.guard.keeper` is the other end. What to do with a child is `supervise`'s.
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from harness.core.errors import ExitCode, HarnessError

KEEPER = Path(__file__).with_name("keeper.py")
TOKEN_VARIABLE = "HARNESS_KEEPER_TOKEN"  # noqa: S105 - marks processes, opens nothing
START_SECONDS = 30.0
END_SECONDS = 12.0
"""Longer than the keeper's own clean-up: the driver can hold a killed process for seconds while it frees a GPU."""
_TAIL_BYTES = 8192
_TAIL_LINES = 40
_KILLED = -9


@dataclass(frozen=True, slots=True)
class Launch:
    """A process to start.

    Attributes:
        argv: Program and arguments; no shell.
        log_file: Gets stdout and stderr, appended.
        env: The child's whole environment.
        cwd: Its working folder; None for this process's.
        timeout_s: Seconds after which it is killed; None for no limit.
        pass_fds: Descriptors that it inherits under the same numbers.
    """

    argv: tuple[str, ...]
    log_file: Path
    env: Mapping[str, str]
    cwd: Path | None = None
    timeout_s: float | None = None
    pass_fds: tuple[int, ...] = ()


class Child:
    """One supervised process below its keeper. `start` runs it; until then nothing of it exists.

    Raises:
        HarnessError: STORAGE when the log cannot be written, BAD_INPUT when the working folder is missing.
    """

    def __init__(self, launch: Launch) -> None:
        self._launch = launch
        self._token = uuid.uuid4().hex
        self._unread = b""
        self._returncode: int | None = None
        self._line, theirs = socket.socketpair()
        self._readable, self._wakers = select.poll(), select.poll()
        for poll in (self._readable, self._wakers):
            poll.register(self._line, select.POLLIN)
        with theirs:
            try:
                self._keeper = self._start_keeper(theirs)
            except OSError as error:
                self._line.close()
                raise _cannot_start(launch, error) from error
        self.pid = self._keeper.pid

    def _start_keeper(self, theirs: socket.socket) -> subprocess.Popen[bytes]:
        with self._launch.log_file.open("ab") as log:
            self._log_start = log.tell()
            descriptors = (theirs.fileno(), *self._launch.pass_fds)
            return subprocess.Popen(
                (sys.executable, "-I", "-S", str(KEEPER), *map(str, descriptors)),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**self._launch.env, TOKEN_VARIABLE: self._token},
                cwd=self._launch.cwd,
                pass_fds=descriptors,
                start_new_session=True,
            )

    def start(self) -> int:
        """Run the program; returns its pid (`pid` is the keeper's, the root of the tree to watch).

        Raises:
            HarnessError: ENVIRONMENT when the keeper does not answer within 30 s.
        """
        self._send(json.dumps({"argv": self._launch.argv}).encode() + b"\n")
        answer = self._receive(START_SECONDS)
        if answer is None or "pid" not in answer:
            raise HarnessError(
                "a trial process could not be started",
                why=self.log_tail() or f"the keeper ended with code {self._keeper.poll()}",
                fix="run the Python interpreter of this environment by hand; see the log for its error",
                code=ExitCode.ENVIRONMENT,
            )
        return answer["pid"]

    def listen(self, descriptor: int) -> None:
        """Have `wait` return early, too, whenever this descriptor can be read."""
        self._wakers.register(descriptor, select.POLLIN)

    def unlisten(self, descriptor: int) -> None:
        """Undo `listen`."""
        self._wakers.unregister(descriptor)

    def wait(self, timeout_s: float) -> int | None:
        """The exit code (negative: the signal that ended it) once everything below is gone; None when time ran out."""
        if self._returncode is None:
            if not self._unread and self._line.fileno() not in dict(self._wakers.poll(1000 * max(0.0, timeout_s))):
                return None  # nearly every call of the watch loop ends here
            return self._ended(timeout_s)
        return self._returncode

    def terminate(self) -> None:
        """SIGTERM to the program's process group."""
        self._send(b"t")

    def kill(self) -> int:
        """SIGKILL to everything below, and wait until it is gone; returns the exit code."""
        with contextlib.suppress(OSError):
            self._line.shutdown(socket.SHUT_WR)  # the keeper takes the end of file as the order
        code = self._ended(END_SECONDS)
        if code is None:
            self._keeper.kill()
            self._sweep()
            code = self._returncode = _KILLED
        return code

    def close(self) -> None:
        """Leave no process, no zombie and no descriptor, whatever happened before."""
        if self._returncode is None:
            self.kill()
        self._keeper.wait()
        self._line.close()

    def log_tail(self) -> str:
        """The last 40 lines that this child wrote."""
        return log_tail(self._launch.log_file, self._log_start)

    def _ended(self, timeout_s: float) -> int | None:
        """The exit code, waited for whatever else can be read; None when time ran out."""
        if self._returncode is None and (answer := self._receive(timeout_s)) is not None:
            self._returncode = answer.get("returncode", _KILLED)
        return self._returncode

    def _send(self, data: bytes) -> None:
        with contextlib.suppress(OSError):  # a keeper that is gone shows as the end of file in `_receive`
            self._line.sendall(data)

    def _receive(self, timeout_s: float) -> dict[str, int] | None:
        """One message; an empty one when the keeper died; None when time ran out."""
        end = time.monotonic() + timeout_s
        while b"\n" not in self._unread:
            if not self._readable.poll(1000 * max(0.0, timeout_s)):
                return None
            timeout_s = end - time.monotonic()
            part = self._read()
            if not part:
                self._sweep()
                return {}
            self._unread += part
        text, _, self._unread = self._unread.partition(b"\n")
        message: dict[str, int] = json.loads(text)
        return message

    def _read(self) -> bytes:
        try:
            return self._line.recv(4096)
        except OSError:
            return b""

    def _sweep(self) -> None:
        """Kill what a keeper that was itself killed left behind: the program dies with it, its children may not."""
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.pid != self.pid and process.environ().get(TOKEN_VARIABLE) == self._token:
                    process.kill()


def log_tail(path: Path, start: int) -> str:
    """The last 40 lines of a file, none from before a byte offset; empty where it cannot be read."""
    with contextlib.suppress(OSError), path.open("rb") as log:
        size = log.seek(0, 2)
        log.seek(max(start, size - _TAIL_BYTES))
        return "\n".join(log.read().decode("utf-8", "replace").splitlines()[-_TAIL_LINES:])
    return ""


def _cannot_start(launch: Launch, error: OSError) -> HarnessError:
    if launch.cwd is not None and not launch.cwd.is_dir():
        return HarnessError("a trial process could not be started", why=f"no such folder: {launch.cwd}", fix="create it")
    return HarnessError(
        "a trial process could not be started",
        why=f"{type(error).__name__}: {error}",
        fix=f"make room for, and allow writing of, {launch.log_file}",
        code=ExitCode.STORAGE,
    )
