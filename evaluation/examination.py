"""The order of the runs of one suite: gate, reference, broken versions, equivalent, reference again with coverage, mutants.

Decides from what the runs answer. Every answer comes out of a process that the suite had for itself: the runs are arranged so
that a suite which forges answers cannot gain kills, because it cannot tell a mutant from an equivalent.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from evaluation.answers import died, passing, read
from evaluation.check_stage import CheckStage
from evaluation.copies.copied import Copies
from evaluation.coverage_map import Covered, lines_of
from evaluation.findings import Fate, Findings
from evaluation.job import SLOWDOWN, UNLIMITED_TICKS, Job, tick_budget
from evaluation.mutant_stage import MutantStage
from evaluation.records import TestVerdict, Verdict
from evaluation.runner.wire import Ended, Limits, Message, Request

Run = Callable[[str, Request, Limits], Ended]  # which zygote and stage, what, limits
FIRST, SECOND = "first", "second"


class Verdicts:
    """The tests of the suite so far, in pytest's order."""

    def __init__(self) -> None:
        self.tests: dict[str, TestVerdict] = {}
        self.details: dict[str, str] = {}
        self.ticks: dict[str, int] = {}

    def note(self, message: Message) -> None:
        """Take the verdicts of the first run."""
        before = 0
        for name, verdict, detail, ticks in message["tests"]:
            self.tests[name], self.details[name] = TestVerdict(verdict), detail
            self.ticks[name], before = ticks - before, ticks

    def passed(self) -> tuple[str, ...]:
        """Tests that still count, quickest first: the first failure ends a run on a mutant."""
        names = [name for name, verdict in self.tests.items() if verdict is TestVerdict.PASSED]
        return tuple(sorted(names, key=lambda name: self.ticks[name]))

    def drop(self, names: Sequence[str], verdict: TestVerdict) -> None:
        """Take tests out."""
        for name in names:
            self.tests[name] = verdict


class Examination:
    """All runs of one suite.

    Args:
        job: What to run.
        gate: What the suite process read in the suite.
        run: Runs a request.
    """

    def __init__(self, job: Job, gate: Message, run: Run) -> None:
        self._job = job
        self._gate = gate
        self._run = run
        self._verdicts = Verdicts()
        self._base = Request(job.prepared.variants.reference, job.prepared.entry_point, UNLIMITED_TICKS, seed=job.seed)

    def findings(self) -> Findings:
        """Run everything. The suite's faults end in a verdict."""
        if "refused" in self._gate:
            return Findings(Verdict(self._gate["refused"]), self._gate["detail"])
        limits = self._job.reference_limits()
        ended = self._run(FIRST, self._base, limits)
        problem = self._problem(ended, limits)
        if problem is not None:
            return self._finish(*problem)
        limits = self._job.mutant_limits(ended.cpu_s)
        budget = tick_budget(read(ended)["ticks"])
        self._base = replace(self._base, budget=budget)
        stage = MutantStage(self._job, self._verdicts, self._base, lambda request: self._run(FIRST, request, limits))
        self._drop_forbidden()
        checks = CheckStage(self._verdicts, self._base, lambda request: self._run(FIRST, request, limits))
        checks.drop_without_check()
        stage.drop_overspecified()
        if not self._verdicts.passed():
            return self._finish(*self._nothing_left())
        covered = self._second_run()
        if isinstance(covered, tuple):
            return self._finish(*covered)
        if not covered.lines:
            return self._finish(Verdict.FUNCTION_NOT_CALLED, "no passing test runs a line of the function")
        fates = stage.fates(covered.ran, thorough=checks.erratic or self._gate["random"])
        if not self._verdicts.passed():
            return self._finish(*self._nothing_left())
        return self._valid(covered, fates)

    def _problem(self, ended: Ended, limits: Limits) -> tuple[Verdict, str] | None:
        """Why the first run on the reference is worth nothing, or None; notes the tests' verdicts."""
        message = read(ended)
        if "solution_error" in message:
            return Verdict.FUNCTION_BROKEN, f"the function's module cannot be imported: {message['solution_error']}"
        if "tests" not in message:
            return died(ended, limits)
        self._verdicts.note(message)
        if "collect_error" in message:
            kind, text = message["collect_error"]
            special = {"MemoryError": Verdict.MEMORY, "Skipped": Verdict.NOTHING_COLLECTED}
            return special.get(kind, Verdict.IMPORT_ERROR), f"importing the suite: {text}"
        if message["rebound"]:
            return Verdict.FUNCTION_NOT_IMPORTED, f"the suite binds {self._base.entry_point!r} to something else"
        if not message["ran"]:
            return Verdict.CRASHED, f"pytest stopped before the tests: {message.get('error', 'no reason given')}"
        if not self._verdicts.tests:
            return Verdict.NOTHING_COLLECTED, "pytest finds no test in the suite"
        return None if self._verdicts.passed() else self._nothing_left()

    def _nothing_left(self) -> tuple[Verdict, str]:
        tests = self._verdicts.tests
        kinds = {
            TestVerdict.MEMORY: Verdict.MEMORY,
            TestVerdict.NO_CHECK: Verdict.NO_CHECK,
            TestVerdict.FLAKY: Verdict.FLAKY,
            TestVerdict.OVERSPECIFIED: Verdict.OVERSPECIFIED,
            TestVerdict.FORBIDDEN: Verdict.FORGED,
        }
        kind = next((kinds[one] for one in kinds if one in tests.values()), Verdict.FAILED_ON_REFERENCE)
        name, verdict = next(iter(tests.items()))
        detail = self._verdicts.details.get(name, "")
        return kind, f"0 of {len(tests)} tests count; {name}: {verdict}, {detail}".rstrip(", ")

    def _drop_forbidden(self) -> None:
        guilty = set(self._gate["forbidden"])
        named = [name for name in self._verdicts.passed() if not guilty.isdisjoint(name.split("[")[0].split("::"))]
        self._verdicts.drop(named, TestVerdict.FORBIDDEN)

    def _second_run(self) -> Covered | tuple[Verdict, str]:
        """Once more with another hash seed, another seed and in reverse order, traced; what fails now is flaky."""
        job = self._job
        limits = job.reference_limits(SLOWDOWN)
        traced = replace(self._base, code=job.prepared.traced, seed=job.seed + 1, measure=True, budget=UNLIMITED_TICKS)
        while True:
            left = set(self._verdicts.passed())
            keep = tuple(reversed([name for name in self._verdicts.tests if name in left]))
            if not keep:
                return self._nothing_left()
            ended = self._run(SECOND, replace(traced, keep=keep), limits)
            message = read(ended)
            if "arcs" not in message:
                return died(ended, limits)
            failing = [name for name in keep if name not in passing(message)]
            if not failing:
                return job.prepared.coverage.measure((a, b) for a, b in message["arcs"])
            self._verdicts.drop(failing, TestVerdict.FLAKY)

    def _valid(self, covered: Covered, fates: tuple[Fate, ...]) -> Findings:
        missed = f"; lines {lines_of(covered.missed)} are not run" if covered.missed else ""
        detail = f"{len(self._verdicts.passed())} of {len(self._verdicts.tests)} tests pass{missed}"
        found = self._finish(Verdict.VALID, detail)
        return replace(
            found,
            line_coverage=covered.lines,
            branch_coverage=covered.branches,
            missed_lines=covered.missed,
            fates=fates,
            branches=covered.taken,
        )

    def _finish(self, verdict: Verdict, detail: str) -> Findings:
        return Findings(verdict, detail or verdict.value, tests=dict(self._verdicts.tests), copies=Copies(*self._gate["copies"]))
