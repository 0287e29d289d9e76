"""Owns the running of a code base's own tests, confined, to learn which test runs which function.

The order of the files, the time they get, and how many processes; what runs inside is `harness.data.harvest.traced_child`.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evaluation import EvaluationError
from evaluation.runner.wire import ANSWERED, TIMED_OUT
from evaluation.sandbox.launch import Fence, Level
from evaluation.sandbox.levels import choose, probe
from harness.core.errors import ExitCode, HarnessError
from harness.data.harvest.fates import DIED, IN_PART, NO_TESTS, NOT_COLLECTED, OUT_OF_TIME, RUN, TIME_UP
from harness.data.harvest.traced_process import Job, Tracer, TracerDiedError
from harness.data.prepared.execution import Execution

MEMORY_BYTES = 2 << 30
GRACE_S = 10.0
_STOP = 0.75  # of a file's time: then no further test starts, and what was seen is told
_BY_CODE = {2: IN_PART, 5: NO_TESTS}  # pytest's exit codes: interrupted, nothing collected


@dataclass(frozen=True, slots=True)
class Times:
    """How long tests may run, in wall seconds.

    Attributes:
        total_s: All files together.
        file_s: One file.
    """

    total_s: float = 120.0
    file_s: float = 20.0


@dataclass(frozen=True, slots=True, order=True)
class TestId:
    """One test: its file, and its name as pytest has it, ``TestX::test_y[1]``."""

    __test__ = False  # pytest would collect the name

    file: Path
    name: str


@dataclass(slots=True)
class Traced:
    """What the tests ran. Filled while they run; read afterwards.

    Attributes:
        runs: Number of a function -> the passing tests that run its body.
        functions_of: Test -> how many functions it runs.
        files: What became of each test file, in the words of `harness.data.harvest.fates`.
        tests: Passing tests.
    """

    runs: dict[int, set[TestId]] = field(default_factory=dict)
    functions_of: Counter[TestId] = field(default_factory=Counter)
    files: dict[Path, str] = field(default_factory=dict)
    tests: int = 0


Told = tuple[Times, Callable[[int, int], None] | None]


def trace_tests(job: Job, files: Sequence[Path], how: Execution, bytecode: Path | None, told: Told) -> Traced:
    """Run the test files, small ones first, until the time is up.

    Args:
        job: The code base.
        files: Its test files.
        how: Sandbox and workers.
        bytecode: As `Tracer`.
        told: Time limits; and who is told how many files of how many are done, or None.

    Raises:
        HarnessError: SANDBOX when tests cannot be run safely.
    """
    run = _Run(job, _fence(how) if files else None, bytecode, told, files)
    if files:
        with ThreadPoolExecutor(min(how.workers, len(files))) as pool:
            futures = [pool.submit(run.work) for _ in range(min(how.workers, len(files)))]
            try:
                for future in futures:
                    future.result()
            except BaseException:  # Ctrl-C above all: the pool would wait for the files that run
                run.stop()
                raise
    return run.traced


def _fence(how: Execution) -> Fence:
    """The strongest one that a process of our own can enter by itself."""
    try:
        chosen = choose(how.sandbox, unsafe=how.unsafe)
    except EvaluationError as error:
        fix = "run `harness doctor`; without tests nothing can be harvested"
        raise HarnessError("the tests cannot be run", why=str(error), fix=fix, code=ExitCode.SANDBOX) from error
    if chosen.level is Level.BWRAP:
        namespaces = Fence(Level.NAMESPACES, chosen.landlock, chosen.seccomp)
        return namespaces if probe(namespaces) is None else Fence(Level.BARE, chosen.landlock, chosen.seccomp)
    return chosen


class _Run:
    """Shared by the threads of one `trace_tests`; the arguments are its own."""

    def __init__(self, job: Job, fence: Fence | None, bytecode: Path | None, told: Told, files: Sequence[Path]) -> None:
        self._job, self._fence, self._bytecode = job, fence, bytecode
        self._times, self._say = told
        self._deadline = time.monotonic() + self._times.total_s
        self._waiting = deque(sorted(files, key=lambda file: (file.stat().st_size, file)))
        self._count = len(files)
        self._lock = threading.Lock()
        self._tracers: list[Tracer] = []
        self.traced = Traced()

    def work(self) -> None:
        """Run files until none is left. A process that dies costs its file only."""
        tracer: Tracer | None = None
        try:
            while (file := self._next()) is not None:
                tracer = tracer or self._started()
                try:
                    answer = tracer.ask(self._question(file), self._times.file_s + GRACE_S)
                except TracerDiedError:
                    tracer.end()
                    tracer, answer = None, {"how": None}
                self._note(file, answer)
        finally:
            if tracer is not None:
                tracer.end()

    def stop(self) -> None:
        """Start no further file, and kill what runs."""
        with self._lock:
            self._waiting.clear()
            for tracer in self._tracers:
                tracer.kill()

    def _started(self) -> Tracer:
        assert self._fence is not None  # noqa: S101 - there are files
        try:
            tracer = Tracer(self._job, self._fence, self._bytecode)
        except TracerDiedError as error:
            raise HarnessError(
                "the tests cannot be run",
                why=f"the confined process does not start: {error}",
                fix="run `harness doctor`",
                code=ExitCode.SANDBOX,
            ) from error
        with self._lock:
            self._tracers.append(tracer)
        return tracer

    def _next(self) -> Path | None:
        with self._lock:
            if self._waiting and time.monotonic() < self._deadline:
                return self._waiting.popleft()
            self.traced.files |= dict.fromkeys(self._waiting, TIME_UP)
            self._waiting.clear()
            return None

    def _question(self, file: Path) -> dict[str, Any]:
        limit = self._times.file_s
        return {"file": str(file), "wall_s": limit, "stop_s": limit * _STOP, "memory_bytes": MEMORY_BYTES}

    def _note(self, file: Path, answer: Mapping[str, Any]) -> None:
        with self._lock:
            how = answer["how"]
            self.traced.files[file] = OUT_OF_TIME if how == TIMED_OUT else DIED
            if how == ANSWERED:
                self._merge(file, answer["found"])
            if self._say is not None:
                self._say(len(self.traced.files), self._count)

    def _merge(self, file: Path, found: Mapping[str, Any]) -> None:
        """What was answered, as far as it makes sense: the tests could have written it."""
        try:
            passed = [TestId(file, str(name).partition("::")[2]) for name in found["passed"]]
            runs = {int(function): {passed[at] for at in tests} for function, tests in found["runs"].items()}
            fate = _BY_CODE.get(found["code"], RUN) if found["collected"] else NOT_COLLECTED
        except (KeyError, TypeError, ValueError, IndexError, AttributeError):
            return
        self.traced.files[file] = fate
        self.traced.tests += len(passed)
        for function, tests in runs.items():
            self.traced.runs.setdefault(function, set()).update(tests)
            self.traced.functions_of.update(tests)
