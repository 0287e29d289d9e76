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
SANDBOXES = ("auto", "bwrap", "namespaces", "bare")
SCOPES = ("reachable", "module")
SOLUTION_PATH = "/box/solution.py"  # of the module under test, wherever the sandbox really is; no such file exists


@dataclass(frozen=True, slots=True)
class FocalFunction:
    """A function under test.

    Attributes:
        id: Stable and unique within one scoring, e.g. ``HumanEval/12``.
        source: A whole importable module; suites import it as ``solution``. Trusted to be the reference.
        entry_point: Name of the function or class in `source`, defined at its top level; ``Class.method`` for one method.
        oracle_suite: A whole pytest file that passes on `source`, or None. It decides which mutants are killable.
        prompt: What the model was shown, examples included; None stands for `source`, docstring included.
    """

    id: str
    source: str
    entry_point: str
    oracle_suite: str | None = None
    prompt: str | None = None


@dataclass(frozen=True, slots=True)
class Suite:
    """A whole pytest file written for one function; it does ``from solution import NAME``. Never trusted."""

    function_id: str
    code: str


@dataclass(frozen=True, slots=True)
class ScoreSettings:
    """How suites are run.

    Attributes:
        mutants_per_function: Mutants sampled per function, at most; None takes all, 0 measures no mutation score.
        mutation_scope: ``reachable`` mutates what the function reaches in its module, ``module`` everything in it.
        seed: Of the mutant sample, of `random` inside the suites, and of the bootstrap.
        suite_timeout_s: Wall seconds for one run of a whole suite on the reference.
        mutant_timeout_s: Wall seconds for one mutant. A backstop: the loop budget stops nearly all that never end.
        memory_bytes: Address space of every process that runs suite code.
        sandbox: One of `SANDBOXES`; ``auto`` takes the strongest that works here.
        unsafe: Run even where Landlock or seccomp is missing.
        workers: Suites run at the same time.
        cache_dir: Where mutants and results are kept, or None.

    Raises:
        ValueError: if a value is out of range.
    """

    mutants_per_function: int | None = 15
    mutation_scope: str = "reachable"
    seed: int = 0
    suite_timeout_s: float = 10.0
    mutant_timeout_s: float = 3.0
    memory_bytes: int = GIB
    sandbox: str = "auto"
    unsafe: bool = False
    workers: int = 2
    cache_dir: Path | None = None

    def __post_init__(self) -> None:
        if self.sandbox not in SANDBOXES:
            raise ValueError(f"sandbox is {self.sandbox!r}; allowed: {', '.join(SANDBOXES)}")
        if self.mutation_scope not in SCOPES:
            raise ValueError(f"mutation_scope is {self.mutation_scope!r}; allowed: {', '.join(SCOPES)}")
        if (self.mutants_per_function is not None and self.mutants_per_function < 0) or self.workers < 1:
            raise ValueError("mutants_per_function must be at least 0 and workers at least 1")
        if self.suite_timeout_s <= 0 or self.mutant_timeout_s <= 0:
            raise ValueError("timeouts must be positive")
        if self.memory_bytes < GIB // 4:
            raise ValueError(f"memory_bytes is {self.memory_bytes}; Python and pytest alone need 256 MiB")

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready mapping; cache folder and workers are left out because they change no result."""
        return {key: value for key, value in asdict(self).items() if key not in {"cache_dir", "workers"}}


class Verdict(StrEnum):
    """What a suite turned out to be. Only `VALID` is worth anything."""

    VALID = "valid"
    MISSING = "missing"  # no suite was given for the function
    FUNCTION_BROKEN = "function_broken"  # the function, not the suite: its module or its oracle does not work
    SYNTAX_ERROR = "syntax_error"
    IMPORT_ERROR = "import_error"  # the file raises when pytest imports or collects it
    FUNCTION_NOT_IMPORTED = "function_not_imported"  # or imported, then defined anew
    NOTHING_COLLECTED = "nothing_collected"
    FAILED_ON_REFERENCE = "failed_on_reference"  # no test passes
    FLAKY = "flaky"  # tests pass, but none of them again with another hash seed and in reverse order
    OVERSPECIFIED = "overspecified"  # tests pass, but fail on the same function written differently
    NO_CHECK = "no_check"  # tests pass, whatever the function returns
    FUNCTION_NOT_CALLED = "function_not_called"  # passing tests never enter the function
    TIMEOUT = "timeout"
    MEMORY = "memory"
    CRASHED = "crashed"  # the process ended before the tests did
    FORGED = "forged"  # answers that the runner did not give, or a look behind the curtain


class TestVerdict(StrEnum):
    """How one test ended on the reference. Only `PASSED` counts as passed."""

    __test__ = False  # pytest would collect the name

    PASSED = "passed"
    FAILED = "failed"  # an assertion, or a raise statement in the suite
    RETURNED = "returned"  # a value instead of None, or was never called: no check that pytest would see
    ERROR = "error"  # any other exception
    SKIPPED = "skipped"
    XFAILED = "xfailed"  # marked as expected to fail, whatever it did
    MEMORY = "memory"
    FLAKY = "flaky"  # passed once, not again with another seed, hash seed and order
    OVERSPECIFIED = "overspecified"  # fails on an equivalent of the reference
    NO_CHECK = "no_check"  # passes on every sabotaged version of the function
    FORBIDDEN = "forbidden"  # reads how the function is written


class MutantFate(StrEnum):
    """What became of one mutant."""

    ASSERTED = "killed by an assertion"
    RAISED = "killed by an exception"
    STOPPED = "stopped by a limit"
    SURVIVED = "survived"
    UNCOVERED = "survived: no passing test runs the line"


KILLED = frozenset({MutantFate.ASSERTED, MutantFate.RAISED})
SURVIVING = frozenset({MutantFate.SURVIVED, MutantFate.UNCOVERED})


@dataclass(frozen=True, slots=True)
class MutantOutcome:
    """One mutant and what became of it.

    Attributes:
        line: First line of the reference, 1-based, that it changes.
        operator: Short name of the mutation operator.
        diff: The change as one hunk of a unified diff.
        fate: See `MutantFate`.
        killer: The test that killed it; empty where none did, or where importing failed.
    """

    line: int
    operator: str
    diff: str
    fate: MutantFate
    killer: str = ""


@dataclass(frozen=True, slots=True)
class Figures:
    """The fractions of one suite, 0-1; None is absent, which is not zero. Defined in docs/metrics.md.

    Attributes:
        pass_rate: Passed tests of those collected.
        line_coverage: Statements of the function that the passing tests run.
        branch_coverage: Branch exits of the function that they take; equals `line_coverage` where there is no branch.
        mutation_score: Killed mutants of the killable ones (of all where there is no oracle); None where there are none.
        mutation_score_lenient: The same with stopped mutants counted as killed, above and below the line.
        mutation_score_all: Killed mutants of all.
        mutation_score_all_lenient: Killed and stopped mutants of all.
    """

    pass_rate: float = 0.0
    line_coverage: float = 0.0
    branch_coverage: float = 0.0
    mutation_score: float | None = None
    mutation_score_lenient: float | None = None
    mutation_score_all: float | None = None
    mutation_score_all_lenient: float | None = None


@dataclass(frozen=True, slots=True)
class SuiteScore:
    """What one suite is worth.

    Attributes:
        function_id: Of the focal function.
        verdict: See `Verdict`.
        detail: One line for a person; never empty.
        figures: The fractions.
        collected: Tests that pytest collected.
        passed: Tests that count: pass on the reference every time, also on equivalents of it, and fail on broken versions.
        asserts: Asserts in the suite that are about the function.
        copied_asserts: Of those, the ones that repeat an example of the prompt.
        without_copied: The fractions when those asserts are taken out; equals `figures` where there are none.
        ceiling: The fractions of the oracle suite, or None where there is no usable one.
        mutants: What became of each sampled mutant.
        killable: Sampled mutants that the oracle suite or this suite kills; None where there is no usable oracle suite.
        missed_lines: First lines of the function's statements that no passing test runs.
        tests: Test id, verdict.
        branches: Branch exits of the function that passing tests take, as arcs (from line, to line); not part of `to_dict`.
    """

    function_id: str
    verdict: Verdict
    detail: str
    figures: Figures = Figures()
    collected: int = 0
    passed: int = 0
    asserts: int = 0
    copied_asserts: int = 0
    without_copied: Figures = Figures()
    ceiling: Figures | None = None
    mutants: tuple[MutantOutcome, ...] = ()
    killable: int | None = None
    missed_lines: tuple[int, ...] = ()
    tests: Mapping[str, TestVerdict] = field(default_factory=dict)
    branches: tuple[tuple[int, int], ...] = field(default=(), compare=False)

    @property
    def valid(self) -> bool:
        """Whether the suite is worth anything."""
        return self.verdict is Verdict.VALID

    @property
    def killed(self) -> int:
        """Mutants on which a passing test fails."""
        return self._count(KILLED)

    @property
    def killed_by_assertion(self) -> int:
        """Of the killed, those killed by an assertion rather than by a crash of the function."""
        return self._count({MutantFate.ASSERTED})

    @property
    def timeouts(self) -> int:
        """Mutants stopped by the time or memory limit, or by the end of the process. Not killed."""
        return self._count({MutantFate.STOPPED})

    @property
    def survived(self) -> int:
        """All other mutants."""
        return len(self.mutants) - self.killed - self.timeouts

    def _count(self, fates: frozenset[MutantFate] | set[MutantFate]) -> int:
        return sum(mutant.fate in fates for mutant in self.mutants)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready mapping, the counts of mutants included."""
        values = {**asdict(self), "tests": dict(self.tests), **self._counts()}
        del values["branches"]
        return values

    def to_row(self) -> dict[str, Any]:
        """One flat row of a table: fractions, counts and texts; the fractions without copied asserts get a suffix."""
        plain = ("function_id", "verdict", "detail", "collected", "passed", "asserts", "copied_asserts", "killable")
        own = {name: getattr(self, name) for name in plain}
        without = {f"{name}_without_copied": value for name, value in asdict(self.without_copied).items()}
        lists = {"mutants": len(self.mutants), "missed_lines": list(self.missed_lines), "tests": dict(self.tests)}
        survivors = [f"line {m.line}: {m.operator}" for m in self.mutants if m.fate in SURVIVING]
        return {**own, **asdict(self.figures), **without, **self._counts(), **lists, "survivors": survivors}

    def _counts(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in ("killed", "killed_by_assertion", "timeouts", "survived")}
