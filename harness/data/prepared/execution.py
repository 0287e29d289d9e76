"""Runs oracle suites in the sandbox: what a record claims about its function is not believed until it passed, twice.

Everything that runs code of a data set goes through here; the running itself is the evaluation package's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from evaluation import EvaluationError, FocalFunction, ScoreSettings, Suite, SuiteScore, TestVerdict, Verdict, score_suites
from evaluation.score import default_workers
from harness.core.errors import ExitCode, HarnessError
from harness.core.records import Record

_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,}")
"""Where an object lay in memory: another place in every run, and the same input is to give the same report."""


@dataclass(frozen=True, slots=True)
class Execution:
    """How oracle suites are run.

    Attributes:
        sandbox: As `evaluation.sandbox` in a sweep file.
        unsafe: Run even where Landlock or seccomp is missing.
        timeout_s: Wall seconds for one run of a suite.
        workers: Suites run at once.
        cache: Where verdicts are kept, or None.
        on_done: Told how many of how many are done.
    """

    sandbox: str = "auto"
    unsafe: bool = False
    timeout_s: float = 10.0
    workers: int = field(default_factory=default_workers)
    cache: Path | None = None
    on_done: Callable[[int, int], None] | None = None


@dataclass(frozen=True, slots=True)
class Executed:
    """What the oracle suite of one record did.

    Attributes:
        record: The record.
        verdict: Of the suite: `Verdict.VALID` means that at least one test passed in both runs (other hash seed, reverse
            order), enters the focal function, and fails when the function returns nonsense.
        passed: Names of the tests that passed both times.
        failed: Names of the others.
        detail: Why a suite is not valid, in words.
    """

    record: Record
    verdict: Verdict
    passed: tuple[str, ...]
    failed: tuple[str, ...]
    detail: str

    @property
    def whole(self) -> bool:
        """Valid, and every test passed."""
        return self.verdict is Verdict.VALID and not self.failed


def run_oracles(records: Sequence[Record], how: Execution) -> list[Executed]:
    """Run the oracle suite of every record, in order.

    Args:
        records: Each with an oracle suite, ids unique.
        how: Sandbox and limits.

    Raises:
        HarnessError: SANDBOX when suites cannot be run safely, or the scorer itself is broken.
        ValueError: if a record has no oracle suite.
    """
    functions = [FocalFunction(record.id, record.source, record.entry_point) for record in records]
    suites = [Suite(record.id, _suite(record)) for record in records]
    settings = ScoreSettings(
        mutants_per_function=0,
        suite_timeout_s=how.timeout_s,
        sandbox=how.sandbox,
        unsafe=how.unsafe,
        workers=how.workers,
        cache_dir=how.cache,
    )
    done = 0

    def scored(_: SuiteScore) -> None:
        nonlocal done
        done += 1
        if how.on_done is not None:
            how.on_done(done, len(functions))

    try:
        report = score_suites(functions, suites, settings, scored)
    except EvaluationError as error:
        fix = "run `harness doctor`, or leave the execution out (--no-execute)"
        raise HarnessError("the oracle suites cannot be run", why=str(error), fix=fix, code=ExitCode.SANDBOX) from error
    by_id = {score.function_id: score for score in report.scores}
    return [_executed(record, by_id[record.id]) for record in records]


def _suite(record: Record) -> str:
    if record.oracle_suite is None:
        raise ValueError(f"{record.id} has no oracle suite")
    return record.oracle_suite


def _executed(record: Record, score: SuiteScore) -> Executed:
    passed = tuple(name for name, verdict in score.tests.items() if verdict is TestVerdict.PASSED)
    failed = tuple(name for name in score.tests if name not in passed)
    return Executed(record, score.verdict, passed, failed, _ADDRESS.sub("0x...", score.detail))
