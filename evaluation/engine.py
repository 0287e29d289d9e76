"""Workers that examine suites: two zygotes each, with different hash seeds, kept over any number of suites.

Decides whose fault a failure is: the suite's (a verdict) or the tools' (an error).
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from evaluation.control import CONTROL_FATES, CONTROL_TESTS, control_job
from evaluation.errors import EvaluationError, SandboxUnavailableError
from evaluation.examination import FIRST, SECOND, Examination
from evaluation.findings import Findings
from evaluation.job import Job
from evaluation.records import Verdict
from evaluation.runner.wire import FULL, TIMED_OUT, Ended, Limits, Message, Request
from evaluation.sandbox.launch import Fence
from evaluation.sandbox.zygote import CancelledError, Zygote, ZygoteDiedError

HASH_SEEDS = {FIRST: 0, SECOND: 1}
OPEN_S = 20.0
STARVED = 0.5  # of the clock's seconds: a run that got less CPU time than that was waiting, for itself or for others


class Alone:
    """Many runs at once, or one alone."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._running = 0
        self._wanted = 0

    @contextlib.contextmanager
    def shared(self) -> Iterator[None]:
        """Beside others."""
        with self._changed:
            self._changed.wait_for(lambda: not self._wanted)
            self._running += 1
        try:
            yield
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify_all()

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """While nothing else runs."""
        with self._changed:
            self._wanted += 1
            self._changed.wait_for(lambda: not self._running)
            self._running += 1
        try:
            yield
        finally:
            with self._changed:
                self._wanted -= 1
                self._running -= 1
                self._changed.notify_all()


class Engine:
    """Examines jobs from any number of threads, each with a worker of its own.

    Args:
        fence: What suites stand behind.
        bytecode: From `evaluation.bytecode.compiled`.
    """

    def __init__(self, fence: Fence, bytecode: Path | None) -> None:
        self._fence = fence
        self._bytecode = bytecode
        self._cancel = threading.Event()
        self._alone = Alone()
        self._mine = threading.local()
        self._workers: list[_Worker] = []
        self.seconds: dict[str, list[float]] = defaultdict(list)

    def cancel(self) -> None:
        """Make every examination end at once, with an error."""
        self._cancel.set()

    def end(self) -> None:
        """Kill all workers."""
        for worker in self._workers:
            worker.end()

    def control(self) -> None:
        """A known good test passes, a forced failure fails, a mutant dies and an equivalent one lives: else nothing is scored.

        Raises:
            SandboxUnavailableError: if a worker does not start.
            EvaluationError: if any of that is not so.
        """
        try:
            found = self._examine(control_job())
        except ZygoteDiedError as error:
            why, fix = f"{self._fence.level}: {error}", "see the reason; try another sandbox"
            raise SandboxUnavailableError("the control suite did not run", why=why, fix=fix) from error
        fates = tuple(fate.fate for fate in found.fates)
        if found.tests != CONTROL_TESTS or fates != CONTROL_FATES:
            seen = f"{found.verdict}, {found.detail}; {[str(fate) for fate in fates]}"
            raise EvaluationError("the control suite got a wrong verdict", why=seen, fix="do not trust any score of this machine")

    def findings(self, job: Job) -> Findings:
        """What one suite is found to do; a suite that brings its process down has crashed, if the control still works.

        Raises:
            SandboxUnavailableError: if the sandbox stopped working.
            EvaluationError: if the scoring was cancelled, or the tools are broken.
        """
        try:
            return self._twice(job)
        except CancelledError as error:
            raise EvaluationError("scoring was cancelled") from error
        except ZygoteDiedError as error:
            self.control()
            return Findings(Verdict.CRASHED, f"the suite brought its process down: {error}"[:200])

    def _twice(self, job: Job) -> Findings:
        """A worker may also be killed from outside, where memory runs out for example: then the suite is not to blame."""
        try:
            return self._examine(job)
        except ZygoteDiedError:
            self.control()
            return self._examine(job)

    def _examine(self, job: Job) -> Findings:
        if self._cancel.is_set():
            raise CancelledError
        worker = getattr(self._mine, "worker", None)
        if worker is None:
            worker = self._mine.worker = _Worker(self)
            self._workers.append(worker)
        try:
            return worker.examine(job)
        except BaseException:
            worker.end()
            raise

    def zygote(self, which: str) -> Zygote:
        """A new one, not ready yet."""
        return Zygote(self._fence, self._bytecode, HASH_SEEDS[which], self._cancel)

    def run(self, zygote: Zygote, request: Request, limits: Limits) -> Ended:
        """One run; once more, alone, where others may be the reason: little CPU time on a loaded machine, or a full disk."""
        with self._alone.shared():
            ended = zygote.run(request, limits)
        starved = ended.how == TIMED_OUT and ended.cpu_s < limits.cpu_s and ended.cpu_s < STARVED * ended.wall_s
        if ended.how == FULL or (starved and os.getloadavg()[0] > len(os.sched_getaffinity(0))):
            with self._alone.alone():
                ended = zygote.run(request, limits)
        return ended


class _Worker:
    """The zygotes of one thread.

    Args:
        engine: Starts them.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._zygotes: dict[str, Zygote] = {}

    def start(self) -> None:
        """Start both zygotes, at the same time."""
        for which in HASH_SEEDS:
            self._zygotes[which] = self._engine.zygote(which)
        for zygote in self._zygotes.values():
            zygote.wait_ready()

    def examine(self, job: Job) -> Findings:
        """Open the suite, run everything, close it."""
        opened: dict[str, Zygote] = {}

        def run(which: str, request: Request, limits: Limits) -> Ended:
            if which not in opened:
                self._open(which, job)
                opened[which] = self._zygotes[which]
            ended = self._engine.run(opened[which], request, limits)
            self._engine.seconds[_stage(request)].append(ended.wall_s)
            return ended

        gate = self._open(FIRST, job)
        opened[FIRST] = self._zygotes[FIRST]
        found = Examination(job, gate, run).findings()
        for zygote in opened.values():
            zygote.close()
        return found

    def _open(self, which: str, job: Job) -> Message:
        if not self._zygotes:
            self.start()
        prepared = job.prepared
        asked: Message = {"suite": job.suite, "entry_point": prepared.entry_point, "imports": prepared.imports}
        asked |= {"examples": sorted(job.examples), "again": which != FIRST}
        return self._zygotes[which].open(asked, OPEN_S + job.suite_timeout_s)

    def end(self) -> None:
        """Kill both."""
        while self._zygotes:
            self._zygotes.popitem()[1].end()


def _stage(request: Request) -> str:
    """What a run is called in the timings."""
    if request.measure:
        return "coverage"
    if request.sabotage:
        return "sabotage"
    return "mutant" if request.fail_fast else "reference"
