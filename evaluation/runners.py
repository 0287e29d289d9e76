"""Runs jobs in the sandbox and decides whose fault a failure is: the suite's (a verdict) or the tools' (an error)."""

from __future__ import annotations

import threading
from pathlib import Path

from evaluation.errors import EvaluationError, SandboxUnavailableError
from evaluation.records import ScoreSettings, TestVerdict, Verdict
from evaluation.runner.job import KILLED, Findings, Job, Mutant, MutantFate
from evaluation.runner.main import REFUSED
from evaluation.sandbox import Ended, Level, run_fenced

REFERENCE_RUNS = 8  # gate, reference twice, coverage (worth four), control
START_S = 20.0
CONTROL_SOURCE = "def double(number):\n    return number * 2\n"
CONTROL_SUITE = """from solution import double

def test_known_good():
    assert double(3) == 6

def test_forced_failure():
    assert double(3) == 7
"""
CONTROL_MUTANTS = (
    Mutant(CONTROL_SOURCE.replace("* 2", "* 3"), 2, "must be killed"),
    Mutant(CONTROL_SOURCE.replace("* 2", "* 2 + 0"), 2, "must survive"),
)
CONTROL_TESTS = {"test_known_good": TestVerdict.PASSED, "test_forced_failure": TestVerdict.FAILED}
CONTROL_FATES = (MutantFate.ASSERTED, MutantFate.SURVIVED)


class Runners:
    """Runs jobs at one level of sandbox.

    Args:
        level: The fence.
        settings: Limits.
        bytecode: From `evaluation.bytecode.compiled`.
    """

    def __init__(self, level: Level, settings: ScoreSettings, bytecode: Path) -> None:
        self._bytecode = bytecode
        self._level = level
        self._settings = settings
        self._cancel = threading.Event()

    def cancel(self) -> None:
        """Kill what runs now; jobs that are asked for later end at once, with an error."""
        self._cancel.set()

    def job(self, source: str, entry_point: str, suite: str, mutants: tuple[Mutant, ...] = ()) -> Job:
        """A job with the limits of the settings."""
        limits = self._settings
        times = (limits.suite_timeout_s, limits.mutant_timeout_s)
        return Job(source, entry_point, suite, mutants, limits.seed, *times, limits.memory_bytes)

    def control(self) -> None:
        """A known good test passes, a forced failure fails, a mutant dies and an equivalent one lives: else nothing is scored.

        Raises:
            EvaluationError: if any of that is not so.
        """
        ended = self._run(self.job(CONTROL_SOURCE, "double", CONTROL_SUITE, CONTROL_MUTANTS))
        found = _read(ended)
        if found is None:
            raise self._broken("the control suite did not run", ended)
        if found.tests != CONTROL_TESTS or found.fates != CONTROL_FATES:
            seen = f"{found.verdict}, {found.detail}; {[str(fate) for fate in found.fates]}"
            raise EvaluationError("the control suite got a wrong verdict", why=seen, fix="do not trust any score of this machine")

    def findings(self, job: Job) -> Findings:
        """What the runner saw; a suite that brings its runner down has crashed, if the control still works.

        Raises:
            SandboxUnavailableError: if the sandbox stopped working.
            EvaluationError: if the reference or a tool is broken.
        """
        ended = self._run(job)
        found = _read(ended)
        if found is not None:
            if found.broken:
                why = f"{job.entry_point}: {found.broken}"
                raise EvaluationError("a reference function cannot be imported", why=why, fix="correct the data")
            return found
        if self._cancel.is_set():
            raise EvaluationError("scoring was cancelled")
        if ended.returncode == REFUSED:
            raise SandboxUnavailableError("the sandbox stopped working", why=ended.stderr.strip())
        self.control()
        last = (ended.stderr.strip().splitlines() or ["no reason given"])[-1]
        verdict = Verdict.TIMEOUT if ended.returncode is None else Verdict.CRASHED
        return Findings(verdict, f"the suite brought its runner down: {last}"[:200])

    def _run(self, job: Job) -> Ended:
        runs = REFERENCE_RUNS * job.suite_timeout_s + len(job.mutants) * job.mutant_timeout_s
        return run_fenced(self._level, job.to_json(), START_S + runs, self._cancel, self._bytecode)

    def _broken(self, what: str, ended: Ended) -> EvaluationError:
        why = (ended.stderr.strip().splitlines() or [f"exit status {ended.returncode}"])[-1]
        kind = SandboxUnavailableError if ended.returncode == REFUSED else EvaluationError
        return kind(what, why=f"{self._level}: {why}", fix="see the reason; try another sandbox level")


def _read(ended: Ended) -> Findings | None:
    if ended.returncode != 0:
        return None
    try:
        return Findings.from_json(ended.stdout)
    except (ValueError, TypeError, KeyError):
        return None


def killed_indices(fates: tuple[MutantFate, ...]) -> frozenset[int]:
    """Positions of the killed mutants."""
    return frozenset(index for index, fate in enumerate(fates) if fate in KILLED)


def stopped_indices(fates: tuple[MutantFate, ...]) -> frozenset[int]:
    """Positions of the mutants that a limit or a dead process stopped."""
    return frozenset(index for index, fate in enumerate(fates) if fate is MutantFate.STOPPED)
