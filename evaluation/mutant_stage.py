"""Runs the passing tests on equivalents of the reference and on the mutants, under conditions that no test can tell apart.

A kill counts only if the test that made it passes on every equivalent, before, between and after the mutants.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from evaluation.answers import read
from evaluation.findings import Fate
from evaluation.job import Job
from evaluation.records import KILLED, MutantFate, TestVerdict
from evaluation.runner.wire import Ended, Message, Request

CONTROLS = 1
REPEATED = 2  # kills of a suite that shows no sign of chance
THOROUGH_CONTROLS = 8
FAILING = {
    TestVerdict.FAILED: MutantFate.ASSERTED,
    TestVerdict.ERROR: MutantFate.RAISED,
    TestVerdict.MEMORY: MutantFate.STOPPED,
}


class Tests(Protocol):
    """The tests of the suite, see `evaluation.examination.Verdicts`."""

    def passed(self) -> tuple[str, ...]:
        """Ids of the tests that still count."""

    def drop(self, names: tuple[str, ...], verdict: TestVerdict) -> None:
        """Take tests out."""


class MutantStage:
    """One suite's.

    Args:
        job: Function and suite.
        verdicts: The tests; those that fail on an equivalent are dropped here.
        base: The request that the runs differ from in their code only.
        run: Runs a request, with the same limits for all.
    """

    def __init__(self, job: Job, verdicts: Tests, base: Request, run: Callable[[Request], Ended]) -> None:
        self._job = job
        self._verdicts = verdicts
        self._base = replace(base, fail_fast=True)
        self._run = run
        self._neutrals = list(job.prepared.variants.neutrals)
        job.rng("neutrals").shuffle(self._neutrals)

    def drop_overspecified(self) -> None:
        """Run an equivalent until nothing fails on it."""
        while self._verdicts.passed() and not self._holds(0):
            pass

    def fates(self, ran: frozenset[int], *, thorough: bool) -> tuple[Fate, ...]:
        """What becomes of each mutant.

        Args:
            ran: First lines of the statements that the passing tests run.
            thorough: The suite names something that makes runs differ: repeat every kill, and look at more equivalents.
        """
        uncovered = self._job.prepared.uncovered(ran)
        while self._verdicts.passed():
            fates = self._once(uncovered, thorough=thorough)
            if fates is not None and (thorough or self._reproduces(fates)):
                return fates
            thorough = thorough or fates is not None
        return ()

    def _reproduces(self, fates: tuple[Fate, ...]) -> bool:
        """Whether some of the kills happen again: by the same test, in the same way."""
        kills = [index for index, fate in enumerate(fates) if fate.fate in KILLED]
        drawn = self._job.rng("repeated").sample(kills, min(REPEATED, len(kills)))
        return all(self._fate(index, thorough=False) == fates[index] for index in drawn)

    def _once(self, uncovered: frozenset[int], *, thorough: bool) -> tuple[Fate, ...] | None:
        """All mutants and the controls in an order of chance; None as soon as a control fails, which drops a test."""
        mutants = [index for index in range(len(self._job.prepared.variants.mutants)) if index not in uncovered]
        controls = THOROUGH_CONTROLS if thorough else CONTROLS
        order = [*mutants, *(-1 - number for number in range(controls - 1))]
        self._job.rng("order").shuffle(order)
        fates: dict[int, Fate] = dict.fromkeys(uncovered, Fate(MutantFate.UNCOVERED))
        for index in order if mutants else []:
            if index >= 0:
                fates[index] = self._fate(index, thorough=thorough)
            elif not self._holds(-index):
                return None
        if any(fate.fate in KILLED for fate in fates.values()) and not self._holds(controls):
            return None
        return tuple(fates[index] for index in sorted(fates))

    def _fate(self, index: int, *, thorough: bool) -> Fate:
        code = self._job.prepared.variants.mutants[index].code
        fate = judge_mutant(self._ask(code))
        if thorough and fate.fate in KILLED and judge_mutant(self._ask(code)) != fate:
            return Fate(MutantFate.SURVIVED)
        return fate

    def _holds(self, number: int) -> bool:
        """Whether the tests pass on an equivalent; drops the one that does not, or all where it cannot be told which."""
        message = self._ask(self._neutrals[number % len(self._neutrals)])
        names = self._verdicts.passed()
        if "collect_error" in message or not message.get("ran"):
            self._verdicts.drop(names, TestVerdict.OVERSPECIFIED)
            return False
        passing = [name for name, verdict, *_ in message["tests"] if verdict == TestVerdict.PASSED]
        if len(passing) == len(names):
            return True
        failing = next(name for name in names if name not in passing)
        self._verdicts.drop((failing,), TestVerdict.OVERSPECIFIED)
        return False

    def _ask(self, code: bytes) -> Message:
        return read(self._run(replace(self._base, code=code, keep=self._verdicts.passed())))


def judge_mutant(message: Message) -> Fate:
    """What one run on a mutant says: only a test or an import that fails kills; a limit or a dead process does not.

    Args:
        message: The run's answer; empty where there was none.
    """
    if "solution_error" in message:
        return Fate(MutantFate.RAISED)
    if "collect_error" in message:
        fates = {"MemoryError": MutantFate.STOPPED, "AssertionError": MutantFate.ASSERTED, "Skipped": MutantFate.SURVIVED}
        return Fate(fates.get(message["collect_error"][0], MutantFate.RAISED))
    if not message.get("ran"):
        return Fate(MutantFate.STOPPED)
    for name, verdict, *_ in message["tests"]:
        if verdict in FAILING:
            fate = FAILING[TestVerdict(verdict)]
            return Fate(fate, name if fate in KILLED else "")
    return Fate(MutantFate.SURVIVED)
