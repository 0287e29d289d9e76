"""A process that does one job after another, each of them under watch: what it loaded for one is there for the next.

Owns the line of jobs and the decision to end the process behind a job. The other end of the line is
`harness.trial.jobs`; the loop of watching is `harness.guard.watching`'s, and that nothing survives the keeper's.

One JSON object a line, in both directions. In: the job. Out, once it is done: ``done`` (false where the process refuses a job
that it cannot do, and a new one has to), ``recycle`` and ``reason``, ``interrupted`` (whether a SIGTERM was noticed while it was
done), ``baseline_bytes`` (held with nothing but the base loaded) and ``held_bytes`` (held now).
"""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.core.errors import ExitCode, HarnessError
from harness.guard.child import Child, Launch, log_tail
from harness.guard.probe import MemoryProbe, UnreadableError
from harness.guard.watcher import StopSignal, Watch, Watcher, first_sight
from harness.guard.watching import Ended, Run, memory_back

TOLERANCE_BYTES = 64 << 20
TOLERANCE_SHARE = 0.03


class Worker:
    """Does jobs in one process, started when there is a job and none alive.

    `run` belongs to one thread at a time, whichever; `cancel` and the properties to any. Several workers may run in several
    threads, each with a probe of its own.

    Args:
        argv: Program and arguments; the number of the descriptor that jobs come from is put behind them. No shell.
        env: The processes' whole environment.
        probe: Measures; this worker's alone.
    """

    def __init__(self, argv: Sequence[str], env: Mapping[str, str], probe: MemoryProbe) -> None:
        self._argv, self._env = tuple(argv), env
        self._probe = probe
        self._process: _Process | None = None
        self._cancel = StopSignal()

    @property
    def alive(self) -> bool:
        """Whether a process waits for a job or does one."""
        return self._process is not None

    @property
    def idle_bytes(self) -> int:
        """What the process held after its last job; 0 before its first and where none is alive."""
        process = self._process
        return 0 if process is None else process.held_bytes

    def run(self, job: Mapping[str, Any], log_file: Path, watch: Watch, timeout_s: float | None = None) -> Ended:
        """Do a job to its end, whichever way it comes.

        Above budget, at the time limit, on a second request and after the grace of a first one, the process gets SIGKILL with
        all it started; the next job starts another. A job that is done leaves the process waiting, unless it asks to be ended,
        holds more memory than before, or may have missed a request to stop.

        Args:
            job: Sent as JSON.
            log_file: Gets the output of a process that starts; the job's own is expected at its end, too.
            watch: How; its probe is replaced by this worker's.
            timeout_s: Seconds after which the job is killed; None for no limit.

        Returns:
            The account; `Ended.returncode` is 0 where the process answered, else how it ended.

        Raises:
            DeviceLostError: if the probe's device is gone; the process has been ended.
            HarnessError: if the process cannot be started.
        """
        self._cancel = StopSignal()
        watch = replace(watch, probe=self._probe)
        try:
            # The second time where a process refuses that was made for other jobs.
            ended = self._attempt(job, log_file, watch, timeout_s) or self._attempt(job, log_file, watch, timeout_s)
        except BaseException:
            self.recycle()
            raise
        if ended is None:
            raise _refused(log_file)
        return ended

    def cancel(self) -> None:
        """Ask the job under way to end: SIGTERM, SIGKILL after the grace; asked twice, at once. Nothing without a job."""
        self._cancel.request()

    def recycle(self) -> None:
        """End the process; the next job starts another."""
        process, self._process = self._process, None
        if process is not None:
            process.close()

    def close(self) -> None:
        """Leave nothing behind; harmless when repeated."""
        self.recycle()

    def _attempt(self, job: Mapping[str, Any], log_file: Path, watch: Watch, timeout_s: float | None) -> Ended | None:
        """Do the job; None where the process refused it."""
        log_start = log_file.stat().st_size if log_file.exists() else 0
        process = self._living(log_file)
        stops = (self._cancel,) if watch.stop is None else (self._cancel, watch.stop)
        process.send(job)
        run = Run(process, Watcher(watch, process.sight), timeout_s, stops)
        returncode = run.follow()
        answer = process.take_answer()
        warm, process.jobs = process.jobs > 0, process.jobs + 1
        if answer is not None and not answer["done"]:
            self.recycle()
            return None
        reason = self._why_end(process, run, answer)
        if reason is not None:
            self.recycle()
        back = 0.0 if reason is None else memory_back(watch, run.watcher.peak_bytes)
        return replace(run.ended(returncode, log_tail(log_file, log_start), back), warm=warm, recycled=reason)

    def _living(self, log_file: Path) -> _Process:
        """The process, started anew where it has ended since its last job."""
        if self._process is not None and self._process.gone:
            self.recycle()
        if self._process is None:
            self._process = _Process(self._argv, self._env, log_file, self._probe)
        return self._process

    def _why_end(self, process: _Process, run: Run, answer: Mapping[str, Any] | None) -> str | None:
        if answer is None or run.timed_out or run.watcher.killed is not None:
            return "its process ended with the job"
        if answer["recycle"]:
            return str(answer["reason"])
        if run.interrupted and not answer["interrupted"]:
            return "a request to stop may still be on its way"
        return process.outgrown(int(answer["baseline_bytes"]), self._held())

    def _held(self) -> int | None:
        """What the idle process holds; None where the device does not tell it from its neighbours'."""
        with contextlib.suppress(UnreadableError):
            return self._probe.own_bytes() if self._probe.kind == "cuda" else self._probe.sample().used_bytes
        return None


class _Process:
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


def _refused(log_file: Path) -> HarnessError:
    return HarnessError(
        "a trial process refuses its job",
        why=f"it was started for this one; its output is in {log_file}",
        fix="run `python -m harness.trial` on the folder of that trial by hand",
        code=ExitCode.ENVIRONMENT,
    )
