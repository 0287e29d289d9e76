"""The wire between the scorer and the runner: one job in, one finding out, both as JSON. Standard library only."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Self

from evaluation.records import TestVerdict, Verdict


@dataclass(frozen=True, slots=True)
class Mutant:
    """One changed version of a focal function's module.

    Attributes:
        source: The whole changed module.
        line: First line, 1-based, that differs from the reference.
        description: The changed line, before and after.
    """

    source: str
    line: int
    description: str


class MutantFate(StrEnum):
    """What became of one mutant."""

    ASSERTED = "killed by an assertion"
    RAISED = "killed by an exception"
    STOPPED = "stopped by a limit"
    SURVIVED = "survived"
    UNCOVERED = "survived: no passing test runs the line"


KILLED = frozenset({MutantFate.ASSERTED, MutantFate.RAISED})


@dataclass(frozen=True, slots=True)
class Job:
    """Everything the runner needs to know about one suite.

    Times in seconds; the fields mean what they mean in `evaluation.records.ScoreSettings`.
    """

    source: str
    entry_point: str
    suite: str
    mutants: tuple[Mutant, ...]
    seed: int
    suite_timeout_s: float
    mutant_timeout_s: float
    memory_bytes: int

    def to_json(self) -> str:
        """One JSON object, ASCII only, so that lone surrogates in a suite survive the wire."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Inverse of `to_json`."""
        read = json.loads(text)
        return cls(**{**read, "mutants": tuple(Mutant(**m) for m in read["mutants"])})


@dataclass(frozen=True, slots=True)
class Findings:
    """What the runner saw.

    Attributes:
        verdict: See `Verdict`.
        detail: One line; never empty.
        tests: Test id -> verdict.
        line_coverage: 0-1.
        branch_coverage: 0-1.
        fates: One per mutant of the job, in its order; empty unless the verdict is valid.
        broken: Not empty when the reference itself cannot be imported: no verdict on the suite then.
    """

    verdict: Verdict
    detail: str
    tests: dict[str, TestVerdict] = field(default_factory=dict)
    line_coverage: float = 0.0
    branch_coverage: float = 0.0
    fates: tuple[MutantFate, ...] = ()
    broken: str = ""

    def to_json(self) -> str:
        """One JSON object, ASCII only."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Inverse of `to_json`.

        Raises:
            ValueError, TypeError, KeyError: if the text is not what a runner writes.
        """
        read = json.loads(text)
        tests = {str(name): TestVerdict(verdict) for name, verdict in read["tests"].items()}
        fates = tuple(MutantFate(fate) for fate in read["fates"])
        return cls(**{**read, "verdict": Verdict(read["verdict"]), "tests": tests, "fates": fates})
