"""A process that does one job after another, each of them under watch: what it loaded for one is there for the next.

Owns the decision to end the process behind a job. The process and its line are `harness.guard.worker_process`'s, the loop of
watching is `harness.guard.watching`'s, and that nothing survives the keeper's.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.core.errors import ExitCode, HarnessError
from harness.guard.child import log_tail
from harness.guard.probe import MemoryProbe, UnreadableError
from harness.guard.watcher import StopSignal, Watch, Watcher
from harness.guard.watching import Ended, Run, memory_back
from harness.guard.worker_process import WorkerProcess


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
        self._process: WorkerProcess | None = None
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

    def _living(self, log_file: Path) -> WorkerProcess:
        """The process, started anew where it has ended since its last job."""
        if self._process is not None and self._process.gone:
            self.recycle()
        if self._process is None:
            self._process = WorkerProcess(self._argv, self._env, log_file, self._probe)
        return self._process

    def _why_end(self, process: WorkerProcess, run: Run, answer: Mapping[str, Any] | None) -> str | None:
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


def _refused(log_file: Path) -> HarnessError:
    return HarnessError(
        "a trial process refuses its job",
        why=f"it was started for this one; its output is in {log_file}",
        fix="run `python -m harness.trial` on the folder of that trial by hand",
        code=ExitCode.ENVIRONMENT,
    )
