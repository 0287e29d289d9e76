"""What goes into a scoring and what one suite is worth: frozen values, no I/O.

Every number is defined in docs/metrics.md. Standard library only: the runner in the sandbox imports this module too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

GIB = 1 << 30
SANDBOXES = ("auto", "bwrap", "namespaces", "rlimits")


@dataclass(frozen=True, slots=True)
class FocalFunction:
    """A function under test.

    Attributes:
        id: Stable and unique within one scoring, e.g. ``HumanEval/12``.
        source: A whole importable module; suites import it as ``solution``. Trusted to be the reference.
        entry_point: Name of the function (or class) in `source`, defined at its top level.
        oracle_suite: A whole pytest file that passes on `source`, or None. It decides which mutants are killable.
    """

    id: str
    source: str
    entry_point: str
    oracle_suite: str | None = None


@dataclass(frozen=True, slots=True)
class Suite:
    """A whole pytest file written for one function; it does ``from solution import NAME``. Never trusted."""

    function_id: str
    code: str


@dataclass(frozen=True, slots=True)
class ScoreSettings:
    """How suites are run.

    Attributes:
        mutants_per_function: Mutants sampled per function, at most; 0 measures no mutation score.
        seed: Of the mutant sample, of `random` inside the suites, and of the bootstrap.
        suite_timeout_s: Wall seconds for one run of a whole suite on the reference.
        mutant_timeout_s: Wall seconds for one mutant; CPU seconds are limited to ten times the reference's, at most this.
        memory_bytes: Address space of every process that runs suite code.
        sandbox: One of `SANDBOXES`; ``auto`` takes the strongest that works here.
        workers: Suites run at the same time.
        cache_dir: Where generated mutants and what the oracle suites kill are kept, or None.

    Raises:
        ValueError: if a value is out of range.
    """

    mutants_per_function: int = 15
    seed: int = 0
    suite_timeout_s: float = 10.0
    mutant_timeout_s: float = 3.0
    memory_bytes: int = GIB
    sandbox: str = "auto"
    workers: int = 2
    cache_dir: Path | None = None

    def __post_init__(self) -> None:
        if self.sandbox not in SANDBOXES:
            raise ValueError(f"sandbox is {self.sandbox!r}; allowed: {', '.join(SANDBOXES)}")
        if self.mutants_per_function < 0 or self.workers < 1:
            raise ValueError("mutants_per_function must be at least 0 and workers at least 1")
        if self.suite_timeout_s <= 0 or self.mutant_timeout_s <= 0:
            raise ValueError("timeouts must be positive")
        if self.memory_bytes < GIB // 4:
            raise ValueError(f"memory_bytes is {self.memory_bytes}; Python and pytest alone need 256 MiB")

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready mapping; the cache folder is left out because it changes no result."""
        return {key: value for key, value in asdict(self).items() if key != "cache_dir"}


class Verdict(StrEnum):
    """What a suite turned out to be. Only `VALID` is worth anything."""

    VALID = "valid"
    MISSING = "missing"  # no suite was given for the function
    SYNTAX_ERROR = "syntax_error"
    IMPORT_ERROR = "import_error"  # the file raises when pytest imports or collects it
    FUNCTION_NOT_IMPORTED = "function_not_imported"  # or imported, then defined anew
    NOTHING_COLLECTED = "nothing_collected"
    FAILED_ON_REFERENCE = "failed_on_reference"  # no test passes, twice
    FUNCTION_NOT_CALLED = "function_not_called"  # passing tests never enter the function
    TIMEOUT = "timeout"
    MEMORY = "memory"
    CRASHED = "crashed"  # the process ended before the tests did


class TestVerdict(StrEnum):
    """How one test ended on the reference. Only `PASSED` counts as passed."""

    __test__ = False  # pytest would collect the name

    PASSED = "passed"
    FAILED = "failed"  # an assertion
    ERROR = "error"  # any other exception
    SKIPPED = "skipped"
    XFAILED = "xfailed"  # marked as expected to fail, whatever it did
    MEMORY = "memory"
    UNSTABLE = "unstable"  # passed once, not again with another seed on an equivalent source


@dataclass(frozen=True, slots=True)
class SuiteScore:
    """What one suite is worth. Fractions are 0-1; None is absent, which is not zero.

    Attributes:
        function_id: Of the focal function.
        verdict: See `Verdict`.
        detail: One line for a person; never empty.
        collected: Tests that pytest collected.
        passed: Tests that pass on the reference, again on an equivalent source, and again under coverage.
        pass_rate: passed / collected.
        line_coverage: Lines of the function's body that the passing tests run.
        branch_coverage: Branch exits of the body that they take; equals `line_coverage` where there is no branch.
        mutants: Mutants sampled.
        killable: Sampled mutants that the oracle suite or this suite kills; None where there is no usable oracle suite.
        killed: Mutants on which a passing test fails.
        killed_by_assertion: Of those, by an assertion rather than by a crash of the function.
        timeouts: Mutants stopped by the time or memory limit, or by the end of the process. Not killed.
        survived: All other mutants.
        mutation_score: killed / (killable, or mutants where there is no oracle); None where that is 0.
        mutation_score_all: killed / mutants; None where that is 0.
        mutation_score_lenient: Like `mutation_score`, with stopped mutants counted as killed, below and above the line.
        tests: Test id -> verdict.
    """

    function_id: str
    verdict: Verdict
    detail: str
    collected: int = 0
    passed: int = 0
    pass_rate: float = 0.0
    line_coverage: float = 0.0
    branch_coverage: float = 0.0
    mutants: int = 0
    killable: int | None = None
    killed: int = 0
    killed_by_assertion: int = 0
    timeouts: int = 0
    survived: int = 0
    mutation_score: float | None = None
    mutation_score_all: float | None = None
    mutation_score_lenient: float | None = None
    tests: Mapping[str, TestVerdict] = field(default_factory=dict)

    @property
    def valid(self) -> bool:
        """Whether the suite is worth anything."""
        return self.verdict is Verdict.VALID

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready mapping."""
        return {**asdict(self), "tests": dict(self.tests)}
