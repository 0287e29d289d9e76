"""What this package makes, as frozen values that go through JSON. No I/O, no rules."""

from __future__ import annotations

import base64
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from evaluation.records import SCOPES


@dataclass(frozen=True, slots=True)
class MutationSettings:
    """Which mutants are made, and where they are kept.

    Attributes:
        mutants_per_function: Mutants sampled per function, at most; None takes all, 0 none.
        seed: Of the sample and of the neutral variants.
        workers: Processes that generate at the same time.
        cache_dir: Folder of the store, or None to keep nothing.
        mutation_scope: ``reachable`` keeps the mutants in what the entry point reaches by name, ``module`` all of them.

    Raises:
        ValueError: if a value is out of range.
    """

    mutants_per_function: int | None = 15
    seed: int = 0
    workers: int = 2
    cache_dir: Path | None = None
    mutation_scope: str = "reachable"

    def __post_init__(self) -> None:
        if self.mutation_scope not in SCOPES:
            raise ValueError(f"mutation_scope is {self.mutation_scope!r}; allowed: {', '.join(SCOPES)}")
        if self.workers < 1 or (self.mutants_per_function is not None and self.mutants_per_function < 0):
            raise ValueError("workers must be at least 1, mutants_per_function None or at least 0")


@dataclass(frozen=True, slots=True)
class Mutant:
    """One changed version of a module.

    Attributes:
        source: The whole changed module.
        line: First line, 1-based, of the reference that differs.
        end_line: Last line of the reference that differs.
        operator: Short name of the mutation operator; stable for one version of the tool.
        diff: One hunk of a unified diff, for people.
        function: ``name`` or ``Class.name`` of the function that holds the change.
        beyond_mutmut: Whether `mutmut run` would not make it, because the function is decorated.
    """

    source: str
    line: int
    end_line: int
    operator: str
    diff: str
    function: str
    beyond_mutmut: bool = False


@dataclass(frozen=True, slots=True)
class MutantSet:
    """All mutants of one module.

    Attributes:
        key: Content key: source, tool and versions. Holds neither seed nor sample.
        mutants: In the tool's order: mutmut's own, then those beyond it.
        uncompilable: How many more there were that Python does not compile.
        problem: Why there are none, or empty.
    """

    key: str
    mutants: tuple[Mutant, ...]
    uncompilable: int
    problem: str

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready mapping; `from_dict` reads it back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> MutantSet:
        """Inverse of `to_dict`."""
        return cls(**{**values, "mutants": tuple(Mutant(**mutant) for mutant in values["mutants"])})


@dataclass(frozen=True, slots=True)
class CompiledMutant:
    """A sampled mutant, ready to run; the other fields mean what they mean in `Mutant`.

    Attributes:
        code: The module's code object with ticks, marshalled.
    """

    line: int
    end_line: int
    operator: str
    diff: str
    function: str
    beyond_mutmut: bool
    code: bytes


@dataclass(frozen=True, slots=True)
class Variants:
    """Everything that is run for one function, compiled: a later scoring loads this and generates nothing.

    Attributes:
        key: Content key: that of the mutants, and the sample's size, seed, scope, versions and bytecode format.
        mutants: The sample, in source order.
        generated: How many mutants there were to sample from.
        uncompilable: How many more the tool made that Python does not compile.
        problem: Why there are no mutants, or empty.
        reference: The reference with ticks, marshalled.
        reference_plain: The reference without ticks, marshalled; for coverage.
        neutrals: Neutral variants of the reference with ticks, marshalled.
    """

    key: str
    mutants: tuple[CompiledMutant, ...]
    generated: int
    uncompilable: int
    problem: str
    reference: bytes
    reference_plain: bytes
    neutrals: tuple[bytes, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready mapping, bytes in base64; `from_dict` reads it back."""
        values = asdict(self)
        values.update({name: to_text(values[name]) for name in ("reference", "reference_plain")})
        values["neutrals"] = [to_text(code) for code in self.neutrals]
        values["mutants"] = [{**mutant, "code": to_text(mutant["code"])} for mutant in values["mutants"]]
        return values

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Variants:
        """Inverse of `to_dict`."""
        made = dict(values)
        made.update({name: to_bytes(values[name]) for name in ("reference", "reference_plain")})
        made["neutrals"] = tuple(to_bytes(code) for code in values["neutrals"])
        made["mutants"] = tuple(CompiledMutant(**{**m, "code": to_bytes(m["code"])}) for m in values["mutants"])
        return cls(**made)


def to_text(code: bytes) -> str:
    """Bytes as base64 text, for JSON."""
    return base64.b64encode(code).decode("ascii")


def to_bytes(text: str) -> bytes:
    """Inverse of `to_text`."""
    return base64.b64decode(text)
