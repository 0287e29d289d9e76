"""The scorer's handle on one zygote process: start it, open a suite in it, run requests, end it with all it started."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import struct
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from evaluation.runner.main import ENDED, READY
from evaluation.runner.tidy import empty
from evaluation.runner.wire import (
    CLOSE,
    LENGTH,
    RUN,
    SUITE,
    ChannelClosedError,
    Ended,
    Limits,
    Message,
    Request,
    frame,
    read_exactly,
    unpack_ended,
    write_all,
)
from evaluation.sandbox.launch import BOX, Fence, Level, command, environment, plan

START_S = 30.0
GRACE_S = 15.0  # above a run's own limits, which the suite process watches
CANCEL_POLL_S = 0.25
MAX_ANSWER_BYTES = 8 << 20


class ZygoteDiedError(Exception):
    """The zygote, or the suite process in it, is gone; the message says what is known of it."""


class CancelledError(Exception):
    """The scoring was cancelled while a run was waited for."""


class Zygote:
    """One process that suites are run in, one after the other. It dies with the thread that started it.

    Args:
        fence: What it stands behind.
        bytecode: From `evaluation.bytecode.compiled`, or None.
        hash_seed: Its PYTHONHASHSEED.
        cancel: Ends every wait when set.

    Raises:
        OSError: if its program cannot be started.
    """

    def __init__(self, fence: Fence, bytecode: Path | None, hash_seed: int = 0, cancel: threading.Event | None = None) -> None:
        self._cancel = cancel or threading.Event()
        self._temporary = None if fence.level is Level.BWRAP else tempfile.TemporaryDirectory(
            prefix="evaluation-", ignore_cleanup_errors=True
        )  # fmt: skip
        folder = BOX if self._temporary is None else self._temporary.name
        environ = environment(folder, hash_seed)
        made = plan(fence, folder, bytecode)
        self._process = subprocess.Popen(
            command(made, bytecode, environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environ,
            cwd="/",
            start_new_session=True,
        )
        self._down = self._process.stdin.fileno() if self._process.stdin else -1
        self._up = self._process.stdout.fileno() if self._process.stdout else -1

    def wait_ready(self) -> None:
        """Wait until it has imported what it needs.

        Raises:
            ZygoteDiedError: if it does not start; it is ended then.
        """
        try:
            if self._read(START_S) != READY:
                raise ZygoteDiedError("it answered nonsense")
        except BaseException:
            self.end()
            raise

    def open(self, asked: Message, limit_s: float) -> Message:
        """Start a suite process; what the gate read in the suite.

        Args:
            asked: ``suite`` (text), ``entry_point``, ``imports`` (modules to import beforehand), ``examples`` (of the prompt),
                ``again`` (whether the gate has read it before).
            limit_s: Wall seconds for reading it.

        Raises:
            ZygoteDiedError: if the suite process dies of it.
        """
        self._write(SUITE + frame(json.dumps(asked).encode("ascii")))
        read = json.loads(self._read(limit_s))
        if not isinstance(read, dict):
            raise ZygoteDiedError("it answered nonsense")
        return read

    def run(self, request: Request, limits: Limits) -> Ended:
        """Run one request in the open suite process.

        Raises:
            ZygoteDiedError: if the suite process dies.
        """
        self._write(RUN + limits.pack() + frame(request.pack()))
        try:
            return unpack_ended(self._read(limits.wall_s + GRACE_S))
        except struct.error as error:
            raise ZygoteDiedError("it answered nonsense") from error

    def close(self) -> None:
        """End the suite process.

        Raises:
            ZygoteDiedError: if it does not end in step.
        """
        self._write(CLOSE)
        if self._read(GRACE_S) != ENDED:
            raise ZygoteDiedError("it answered nonsense")

    def _write(self, data: bytes) -> None:
        try:
            write_all(self._down, data)
        except ChannelClosedError as error:
            raise ZygoteDiedError(self._why()) from error

    def _read(self, limit_s: float) -> bytes:
        deadline = time.monotonic() + limit_s
        try:
            self._wait(deadline)
            (size,) = LENGTH.unpack(read_exactly(self._up, LENGTH.size))
            if size > MAX_ANSWER_BYTES:
                raise ZygoteDiedError("its answer is too long")
            return read_exactly(self._up, size)
        except ChannelClosedError as error:
            raise ZygoteDiedError(self._why()) from error

    def _wait(self, deadline: float) -> None:
        while not select.select([self._up], [], [], CANCEL_POLL_S)[0]:
            if self._cancel.is_set():
                raise CancelledError
            if time.monotonic() > deadline:
                raise ZygoteDiedError("no answer in time")

    def _why(self) -> str:
        """The last line it wrote before it ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0)
        said = b""
        if self._process.stderr is not None and self._process.returncode is not None:
            os.set_blocking(self._process.stderr.fileno(), False)
            said = self._process.stderr.read() or b""
        lines = said.decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else f"exit status {self._process.returncode}"

    def end(self) -> None:
        """Kill it with all it started.

        In a PID namespace killing the first process takes everything along. Otherwise runs can start no process, and die with
        their suite process, as that does with the zygote.
        """
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        if self._temporary is not None:
            with contextlib.suppress(OSError):
                empty(self._temporary.name, unlock=True)  # what runs left may be too deep for shutil
            self._temporary.cleanup()
