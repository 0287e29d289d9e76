"""A helper process that answers one line with one line: started on the first question, started again when it has died.

Owns the wire and the limits; that nothing outlives this process is `harness.guard.child`'s promise. The program gets the
number of its end of a socket as its last argument. Not for trials: nothing watches its memory.
"""

from __future__ import annotations

import socket
import time
from dataclasses import replace
from threading import Lock

from harness.core.errors import ExitCode, HarnessError
from harness.guard.child import Child, Launch

_ATTEMPTS = 2
_LIMIT_SECONDS = 600.0
_CHUNK_BYTES = 1 << 16


class LineProcess:
    """One helper process; none before the first question. Several threads may ask: they take turns.

    Args:
        launch: How to start it. `Launch.timeout_s` limits one answer, the start included; None: 600 s, for on a busy
            machine importing torch alone takes minutes.
    """

    def __init__(self, launch: Launch) -> None:
        self._launch = launch
        self._limit_s = _LIMIT_SECONDS if launch.timeout_s is None else launch.timeout_s
        self._lock = Lock()
        self._child: Child | None = None
        self._wire: socket.socket | None = None

    def ask(self, line: str) -> str:
        """The answer to one line; where the process has died, or dies over it, it is started again once.

        Args:
            line: Without a line feed.

        Raises:
            HarnessError: ENVIRONMENT when it dies twice or gives no answer in time (it is ended then), and whatever keeps it
                from being started.
        """
        with self._lock:
            for attempt in range(_ATTEMPTS):
                try:
                    return self._exchanged(line.encode() + b"\n")
                except TimeoutError:
                    raise self._failure(f"no answer within {self._limit_s:g} s") from None
                except ConnectionError as error:
                    if attempt + 1 == _ATTEMPTS:
                        raise self._failure("it ended") from error
                    self._end()
        raise AssertionError("unreachable")

    def close(self) -> None:
        """End the process; harmless when repeated. The next question starts it anew."""
        with self._lock:
            self._end()

    def _exchanged(self, data: bytes) -> str:
        wire = self._wire or self._start()
        ends = time.monotonic() + self._limit_s
        wire.settimeout(self._limit_s)
        wire.sendall(data)
        answer = bytearray()
        while not answer.endswith(b"\n"):
            wire.settimeout(max(0.001, ends - time.monotonic()))
            part = wire.recv(_CHUNK_BYTES)
            if not part:
                raise ConnectionResetError
            answer += part
        return answer[:-1].decode()

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            argv = (*self._launch.argv, str(theirs.fileno()))
            passed = (*self._launch.pass_fds, theirs.fileno())
            try:
                self._child = Child(replace(self._launch, argv=argv, pass_fds=passed))
                self._child.start()
            except HarnessError:
                ours.close()
                self._end()
                raise
        self._wire = ours
        return ours

    def _failure(self, what: str) -> HarnessError:
        tail = self._child.log_tail() if self._child else ""
        self._end()
        last = next((line.strip() for line in reversed(tail.splitlines()) if line.strip()), "nothing in its log")
        return HarnessError(
            f"a helper process gives no answers: {' '.join(self._launch.argv[-2:])}",
            why=f"{what}; its last words: {last}",
            fix=f"run `harness doctor`; all it said is in {self._launch.log_file}",
            code=ExitCode.ENVIRONMENT,
        )

    def _end(self) -> None:
        wire, child = self._wire, self._child
        self._wire = self._child = None
        if wire is not None:
            wire.close()
        if child is not None:
            child.close()
