"""What the runs of one suite add up to, before it is weighed against the oracle; kept in the cache as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from evaluation.copies.copied import NOTHING, Copies
from evaluation.records import KILLED, MutantFate, TestVerdict, Verdict


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one mutant.

    Attributes:
        fate: See `MutantFate`.
        killer: Id of the test that killed it, or empty.
    """

    fate: MutantFate
    killer: str = ""


@dataclass(frozen=True, slots=True)
class Findings:
    """What was seen.

    Attributes:
        verdict: See `Verdict`.
        detail: One line; never empty.
        tests: Test id -> verdict.
        line_coverage: 0-1.
        branch_coverage: 0-1.
        missed_lines: Lines of the function that no passing test runs.
        fates: One per sampled mutant, in their order; empty unless the verdict is valid.
        copies: What the suite has in common with its prompt.
        branches: Branch exits of the function that passing tests take, as arcs.
    """

    verdict: Verdict
    detail: str
    tests: Mapping[str, TestVerdict] = field(default_factory=dict)
    line_coverage: float = 0.0
    branch_coverage: float = 0.0
    missed_lines: tuple[int, ...] = ()
    fates: tuple[Fate, ...] = ()
    copies: Copies = NOTHING
    branches: tuple[tuple[int, int], ...] = ()

    def indices(self, fates: frozenset[MutantFate]) -> frozenset[int]:
        """Positions of the mutants with one of these fates."""
        return frozenset(index for index, fate in enumerate(self.fates) if fate.fate in fates)

    @property
    def killed(self) -> frozenset[int]:
        """Positions of the killed mutants."""
        return self.indices(KILLED)

    @property
    def stopped(self) -> frozenset[int]:
        """Positions of the mutants that a limit or a dead process stopped."""
        return self.indices(frozenset({MutantFate.STOPPED}))

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready mapping; `from_dict` reads it back."""
        return {**asdict(self), "tests": dict(self.tests)}

    @classmethod
    def from_dict(cls, read: dict[str, Any]) -> Self:
        """Inverse of `to_dict`.

        Raises:
            ValueError, TypeError, KeyError: if the mapping is not what `to_dict` makes.
        """
        tests = {str(name): TestVerdict(verdict) for name, verdict in read["tests"].items()}
        fates = tuple(Fate(MutantFate(fate["fate"]), fate["killer"]) for fate in read["fates"])
        missed = tuple(read["missed_lines"])
        plain = {"missed_lines": missed, "tests": tests, "fates": fates, "copies": Copies(**read["copies"])}
        plain["branches"] = tuple((a, b) for a, b in read["branches"])
        return cls(**{**read, "verdict": Verdict(read["verdict"]), **plain})
