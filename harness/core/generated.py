"""What `harness generate` came to, for each function and in all. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class FunctionOutcome:
    """What came out for one function.

    Attributes:
        name: ``function`` or ``Class.method``.
        written: Distinct tests that the model wrote.
        kept: Tests in the file.
        lines / branches / mutants: Covered or killed by them, and of how many.
        seconds: Of writing and of scoring, together.
        reason: Why no test was kept; empty where one was.
        observed: Those of the kept tests that expect what the code returns, not what the model expected.
    """

    name: str
    written: int
    kept: int
    lines: tuple[int, int] = (0, 0)
    branches: tuple[int, int] = (0, 0)
    mutants: tuple[int, int] = (0, 0)
    seconds: float = 0.0
    reason: str = ""
    observed: int = 0


@dataclass(frozen=True, slots=True)
class GenerateOutcome:
    """What came out in all.

    Attributes:
        target: As asked for.
        file: Where the tests are, or would be.
        text: The file; empty where no test was kept.
        saved: Whether it was written.
        functions: Those that were worked on, in order of the module.
        left_out: Function -> why it was not even tried.
        not_reached: Functions for which there was no time.
        seconds: Wall seconds.
    """

    target: str
    file: str
    text: str
    saved: bool
    functions: tuple[FunctionOutcome, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)
    not_reached: tuple[str, ...] = ()
    seconds: float = 0.0

    def total(self) -> FunctionOutcome:
        """Sums over all functions that were worked on."""

        def both(name: str) -> tuple[int, int]:
            pairs = [getattr(one, name) for one in self.functions]
            return sum(pair[0] for pair in pairs), sum(pair[1] for pair in pairs)

        written, kept = sum(one.written for one in self.functions), sum(one.kept for one in self.functions)
        observed = sum(one.observed for one in self.functions)
        return FunctionOutcome(
            "all", written, kept, both("lines"), both("branches"), both("mutants"), self.seconds, observed=observed
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready mapping."""
        return {
            "event": "generate",
            "target": self.target,
            "file": self.file,
            "saved": self.saved,
            "functions": [_row(one) for one in self.functions],
            "total": _row(self.total()),
            "left_out": dict(self.left_out),
            "not_reached": list(self.not_reached),
            "text": self.text,
        }


def _row(one: FunctionOutcome) -> dict[str, Any]:
    pairs = {
        "lines": one.lines,
        "branches": one.branches,
        "mutants": one.mutants,
    }
    words = {"lines": "covered", "branches": "covered", "mutants": "killed"}
    told = {name: {words[name]: done, "of": count} for name, (done, count) in pairs.items()}
    return {
        "name": one.name,
        "tests_written": one.written,
        "tests_kept": one.kept,
        "tests_observed": one.observed,
        **told,
        "seconds": round(one.seconds, 1),
        "reason": one.reason,
    }
