"""A worker's process, and the harness' end of the line that its jobs come over. The other end is `harness.trial.jobs`'s.

One JSON object a line, in both directions. In: the job. Out, once it is done: ``done`` (false where the process refuses a job
that it cannot do, and a new one has to), ``recycle`` and ``reason``, ``interrupted`` (whether a SIGTERM was noticed while it was
done), ``baseline_bytes`` (held with nothing but the base loaded) and ``held_bytes`` (held now).
"""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.guard.child import Child, Launch
from harness.guard.probe import MemoryProbe
from harness.guard.watcher import first_sight

TOLERANCE_BYTES = 64 << 20
TOLERANCE_SHARE = 0.03


class WorkerProcess:
    """A worker's process, and the harness' end of its line.

    Attributes:
        sight: How well it was seen when it started.
        jobs: How many it was given.
        held_bytes: What it held after its last job.
    """

    def __init__(self, argv: tuple[str, ...], env: Mapping[str, str], log_file: Path, probe: MemoryProbe) -> None:
        self.jobs = 0
        self.held_bytes = 0
        self._unread = b""
        self._answer: dict[str, Any] | None = None
        self._reference: tuple[int, int] | None = None
        self._line, theirs = socket.socketpair()
        self._listening = False
        with theirs, contextlib.ExitStack() as undo:
            undo.callback(self._line.close)
            passed = theirs.fileno()
            self._child = Child(Launch((*argv, str(passed)), log_file, env, pass_fds=(passed,)))
            undo.callback(self._child.close)
            self.sight = first_sight(probe, self._child.pid)
            self._child.start()
            undo.pop_all()
        self._child.listen(self._line.fileno())
        self._listening = True

    def send(self, job: Mapping[str, Any]) -> None:
        """Give it a job."""
        with contextlib.suppress(OSError):  # a process that is gone shows in `wait`
            self._line.sendall(json.dumps(job).encode() + b"\n")

    def wait(self, timeout_s: float) -> int | None:
        """0 once it has answered, its exit code once it has ended; None before."""
        returncode = self._child.wait(timeout_s)
        self._receive()
        return 0 if self._answer is not None else returncode

    @property
    def gone(self) -> bool:
        """Whether it has ended, or is about to: the kernel closes its end of the line first."""
        return self.wait(0.0) is not None or not self._listening

    def terminate(self) -> None:
        """SIGTERM, which ends the job."""
        self._child.terminate()

    def kill(self) -> int:
        """SIGKILL to everything below; the exit code."""
        return self._child.kill()

    def take_answer(self) -> dict[str, Any] | None:
        """What it said to its last job; None where it said nothing."""
        answer, self._answer = self._answer, None
        return answer

    def outgrown(self, baseline_bytes: int, held_bytes: int | None) -> str | None:
        """Note what it holds; why that is too much, or None.

        Compared with what it held after the first job over the same base: what is loaded at first use is there by then.

        Args:
            baseline_bytes: As it said; another one means another base.
            held_bytes: As measured from outside; None where it cannot be.
        """
        if held_bytes is None:
            return None
        self.held_bytes = held_bytes
        if self._reference is None or self._reference[0] != baseline_bytes:
            self._reference = (baseline_bytes, held_bytes)
        more = held_bytes - self._reference[1]
        if more <= max(TOLERANCE_BYTES, TOLERANCE_SHARE * self._reference[1]):
            return None
        return f"its process held {more} bytes more than after its first job"

    def close(self) -> None:
        """Leave no process and no descriptor."""
        self._line.close()
        self._child.close()

    def _receive(self) -> None:
        """Read what is there, without waiting."""
        if not self._listening:
            return
        try:
            part = self._line.recv(65536, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError:
            part = b""
        if not part:  # an open end of file would wake `wait` for ever
            self._child.unlisten(self._line.fileno())
            self._listening = False
            return
        self._unread += part
        line, newline, rest = self._unread.partition(b"\n")
        if newline:
            self._answer, self._unread = json.loads(line), rest
