"""The order of the runs of one suite, and what they add up to: gate, reference, reference again, coverage, mutants, control."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from evaluation.records import TestVerdict, Verdict
from evaluation.runner.execute import SOLUTION_FILE, SUITE_FILE, Run, execute, failures, import_solution, prepare
from evaluation.runner.forks import Ended, Limits, Message, describe, run_forked
from evaluation.runner.gate import Refusal, inspect_suite
from evaluation.runner.job import KILLED, Findings, Job, Mutant, MutantFate
from evaluation.runner.source import measurable, neutral, statement_starts

COVERAGE_SLOWDOWN = 4  # a traced loop takes that much longer, at most
CPU_FLOOR_S = 0.4


@dataclass(frozen=True, slots=True)
class _Fate:
    fate: MutantFate
    killer: str = ""


class Examination:
    """All runs of one suite.

    Args:
        job: What to run.
        folder: The only place that the suite may write to.
        private: Whether this process is alone in a PID namespace.
    """

    def __init__(self, job: Job, folder: str, *, private: bool) -> None:
        self._job = job
        self._folder = folder
        self._private = private
        self._session = prepare(folder)
        self._details: dict[str, str] = {}
        self._tests: dict[str, TestVerdict] = {}
        self._base = Run(job.source, job.source, job.entry_point, folder, seed=job.seed)

    def findings(self) -> Findings:
        """Run everything. The suite's faults end in a verdict; a broken reference in `Findings.broken`."""
        gate = self._fork(lambda: self._gate(), self._job.suite_timeout_s)
        if gate.message is None:
            return Findings(Verdict.CRASHED, f"reading the suite: {gate.detail}")
        if "broken" in gate.message:
            return Findings(Verdict.CRASHED, "the reference is broken", broken=gate.message["broken"])
        if "error" in gate.message or "memory" in gate.message:
            return Findings(Verdict.SYNTAX_ERROR, f"cannot be read: {gate.message.get('error', 'MemoryError')}")
        if "refused" in gate.message:
            return Findings(Verdict(gate.message["refused"]), gate.message["detail"])
        return self._run(set(gate.message["unchecked"]))

    def _gate(self) -> Message:
        try:
            import_solution(self._job.source, self._job.entry_point, self._folder)
            neutral(self._job.source)
        except Exception as error:  # noqa: BLE001 - whatever the reference raises, it is the data that is broken
            return {"broken": describe(error)}
        read = inspect_suite(self._job.suite, self._job.entry_point)
        if isinstance(read, Refusal):
            return {"refused": read.verdict, "detail": read.detail}
        return {"unchecked": read}

    def _run(self, unchecked: Collection[str]) -> Findings:
        job = self._job
        first = self._suite(self._base)
        problem = self._problem(first)
        if problem is not None:
            return self._finish(*problem)
        again = self._suite(replace(self._base, source=neutral(job.source), seed=job.seed + 1, keep=self._passed()))
        self._drop(again)
        if not self._passed():
            return self._finish(*self._nothing_passes())
        source = measurable(job.source, job.entry_point)
        traced = replace(self._base, source=source, reference=source, keep=self._passed(), measure=True)
        measured = self._suite(traced, slowdown=COVERAGE_SLOWDOWN)
        if measured.message is None or "coverage" not in measured.message:
            return self._finish(Verdict.TIMEOUT if measured.timed_out else Verdict.CRASHED, f"under coverage: {measured.detail}")
        self._drop(measured)
        if not self._passed():
            return self._finish(*self._nothing_passes())
        coverage = measured.message["coverage"]
        if not coverage["lines"]:
            return self._finish(Verdict.FUNCTION_NOT_CALLED, "no passing test runs a line of the function")
        killers = {name for name in self._passed() if name.split("[")[0].split("::")[-1] not in unchecked}
        ran = coverage["ran"] if source == job.source else None
        fates = self._mutants(killers, ran, max(first.cpu_s, again.cpu_s))
        found = self._finish(Verdict.VALID, self._summary())
        return replace(found, line_coverage=coverage["lines"], branch_coverage=coverage["branches"], fates=fates)

    def _problem(self, first: Ended) -> tuple[Verdict, str] | None:
        """Why the first run on the reference is worth nothing, or None; notes the tests' verdicts."""
        if first.message is None:
            return Verdict.TIMEOUT if first.timed_out else Verdict.CRASHED, first.detail
        message = first.message
        if "memory" in message:
            return Verdict.MEMORY, "ran out of memory"
        for name, verdict, detail in message.get("tests", []):
            self._tests[name] = TestVerdict(verdict)
            self._details[name] = detail
        if "collect_error" in message:
            kind, text = message["collect_error"]
            special = {"MemoryError": Verdict.MEMORY, "Skipped": Verdict.NOTHING_COLLECTED}
            return special.get(kind, Verdict.IMPORT_ERROR), f"importing the suite: {text}"
        if message.get("rebound"):
            return Verdict.FUNCTION_NOT_IMPORTED, f"the suite binds {self._job.entry_point!r} to something else"
        if not message.get("ran"):
            return Verdict.CRASHED, f"pytest stopped before the tests: {message.get('error', 'no reason given')}"
        if not self._tests:
            return Verdict.NOTHING_COLLECTED, "pytest finds no test in the suite"
        return None if self._passed() else self._nothing_passes()

    def _nothing_passes(self) -> tuple[Verdict, str]:
        name, verdict = next(iter(self._tests.items()))
        kind = Verdict.MEMORY if TestVerdict.MEMORY in self._tests.values() else Verdict.FAILED_ON_REFERENCE
        return kind, f"0 of {len(self._tests)} tests pass; {name}: {verdict}, {self._details.get(name, '')}".rstrip(", ")

    def _drop(self, again: Ended) -> None:
        """Mark what passed before and does not now."""
        verdicts = {name: verdict for name, verdict, _ in (again.message or {}).get("tests", [])}
        for name in self._passed():
            if verdicts.get(name) != TestVerdict.PASSED:
                self._tests[name] = TestVerdict.UNSTABLE
                self._details[name] = "passes once, not again on an equivalent source with another seed"

    def _mutants(self, killers: set[str], ran: list[int] | None, cpu_s: float) -> tuple[MutantFate, ...]:
        starts = statement_starts(self._job.source)
        fates: list[_Fate] = []
        for mutant in self._job.mutants:
            if not killers or (ran is not None and starts.get(mutant.line, mutant.line) not in ran):
                fates.append(_Fate(MutantFate.UNCOVERED))
            else:
                fates.append(self._mutant(mutant, killers, cpu_s))
        if any(fate.fate in KILLED for fate in fates):
            fates = self._without_void_kills(fates, killers)
        return tuple(fate.fate for fate in fates)

    def _mutant(self, mutant: Mutant, killers: set[str], cpu_s: float) -> _Fate:
        run = replace(self._base, source=mutant.source, keep=killers, fail_fast=True)
        limit = min(self._job.mutant_timeout_s, CPU_FLOOR_S + 10 * cpu_s)
        self._clean()
        return judge_mutant(self._fork(lambda: execute(run, self._session), self._job.mutant_timeout_s, limit))

    def _without_void_kills(self, fates: list[_Fate], killers: set[str]) -> list[_Fate]:
        """Control: what a test kills is void when it also fails on an equivalent of the reference, run last."""
        control = self._suite(replace(self._base, source=neutral(self._job.source), keep=killers))
        broken = control.message is None or "collect_error" in control.message or not control.message.get("ran")
        failing = failures(control.message or {})
        void = _Fate(MutantFate.SURVIVED)
        return [void if fate.fate in KILLED and (broken or fate.killer in failing) else fate for fate in fates]

    def _suite(self, run: Run, slowdown: int = 1) -> Ended:
        self._clean(run.reference)
        return self._fork(lambda: execute(run, self._session), self._job.suite_timeout_s * slowdown)

    def _fork(self, task: object, wall_s: float, cpu_s: float | None = None) -> Ended:
        limits = Limits(wall_s, wall_s if cpu_s is None else cpu_s, self._job.memory_bytes, self._private)
        return run_forked(task, limits)  # type: ignore[arg-type]

    def _clean(self, reference: str | None = None) -> None:
        """Every run starts from the same folder: a file left by an earlier run would tell mutants from the reference."""
        folder = Path(self._folder)
        for entry in folder.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                with contextlib.suppress(OSError):
                    entry.unlink()
        (folder / SOLUTION_FILE).write_text(self._job.source if reference is None else reference, "utf-8")
        (folder / SUITE_FILE).write_text(self._job.suite, "utf-8")

    def _passed(self) -> set[str]:
        return {name for name, verdict in self._tests.items() if verdict is TestVerdict.PASSED}

    def _summary(self) -> str:
        return f"{len(self._passed())} of {len(self._tests)} tests pass"

    def _finish(self, verdict: Verdict, detail: str) -> Findings:
        return Findings(verdict, detail or verdict.value, tests=dict(self._tests))


def judge_mutant(ended: Ended) -> _Fate:
    """What one run on a mutant says: only a test or an import that fails kills; a limit or a dead process does not."""
    message = ended.message
    if message is None or "memory" in message:
        return _Fate(MutantFate.STOPPED)
    if "solution_error" in message:
        return _Fate(MutantFate.RAISED)
    if "collect_error" in message:
        kind, _ = message["collect_error"]
        fates = {"MemoryError": MutantFate.STOPPED, "AssertionError": MutantFate.ASSERTED, "Skipped": MutantFate.SURVIVED}
        return _Fate(fates.get(kind, MutantFate.RAISED))
    kinds = {
        TestVerdict.FAILED: MutantFate.ASSERTED,
        TestVerdict.ERROR: MutantFate.RAISED,
        TestVerdict.MEMORY: MutantFate.STOPPED,
    }
    for name, verdict in failures(message).items():
        if verdict in kinds:
            return _Fate(kinds[verdict], name)
    return _Fate(MutantFate.SURVIVED)
