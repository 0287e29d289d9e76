"""Owns what a test takes from outside itself: imports, names of the module under test, helpers beside it. Pure."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from harness.data.suites.names import free_names, is_library, usual_import
from harness.data.suites.solution_imports import SOLUTION
from harness.data.suites.syntax import bound_names, parse, top_level_names
from harness.data.targets.reaching import reaches_out


@dataclass(frozen=True, slots=True)
class Needs:
    """What a test takes from outside.

    Attributes:
        imports: Import lines, one name each.
        own: Names of the module under test.
        helpers: Statements at module level, as text, in order.
    """

    imports: frozenset[str] = frozenset()
    own: frozenset[str] = frozenset()
    helpers: tuple[str, ...] = ()

    def __or__(self, other: Needs) -> Needs:
        helpers = tuple(dict.fromkeys([*self.helpers, *other.helpers]))
        return Needs(self.imports | other.imports, self.own | other.own, helpers)


@dataclass(slots=True)
class Around:
    """What the module of a function offers to its tests.

    Args:
        source: The function's module, cut out.
        head: The function, or the class of the method.
        real: Names that the real module binds: what is not among them cannot be imported from it.
    """

    source: str
    head: str
    real: frozenset[str]
    _own: frozenset[str] = field(init=False)
    _imported: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self._own = top_level_names(self.source) & self.real
        self._imported = dict(_lines(parse(self.source).body))

    def needs(self, body: Sequence[ast.stmt], sample: Iterable[ast.stmt], fixtures: Sequence[str] = ()) -> Needs | None:
        """What the body of a test needs; None where it cannot be had, or would reach out of the test (`reaching`).

        Args:
            body: Of the test.
            sample: What stands at module level around the test.
            fixtures: Names that pytest gives.
        """
        statements = list(sample)
        found = self._resolve(body, statements, 0, frozenset(fixtures))
        if found is None or self.head not in found.own:
            return None
        helpers = parse("\n".join(found.helpers)).body
        return None if reaches_out([*body, *helpers], found.imports) else found

    def _resolve(self, body: Sequence[ast.stmt], sample: list[ast.stmt], depth: int, given: frozenset[str]) -> Needs | None:
        try:
            free = free_names("\n".join(map(ast.unparse, body)), self._defined(sample)) - given
        except (SyntaxError, RecursionError):
            return None
        needs = Needs()
        for name in sorted(free):
            one = self._one(name, sample, depth)
            if one is None:
                return None
            needs |= one
        return needs

    def _defined(self, sample: Iterable[ast.stmt]) -> frozenset[str]:
        """Names that mean something here, whatever Python means by them: ``format`` of a module that defines one."""
        helpers = (s for s in sample if not isinstance(s, ast.Import | ast.ImportFrom))
        imported = (name for name, line in _lines(sample) if _is_of_library(line))
        return self._own | {self.head, *self._imported, *imported, *bound_names(helpers)}

    def _one(self, name: str, sample: list[ast.stmt], depth: int) -> Needs | None:
        """What one name stands for: its own import first, then the module under test, then what is beside it."""
        if name == self.head:
            return Needs(own=frozenset({name}))
        line = dict(_lines(sample)).get(name, "")
        if line and _is_of_library(line) and name not in self._own:
            return Needs(frozenset({line}))
        if name in self._own:
            return Needs(own=frozenset({name}))
        helpers = [s for s in sample if not isinstance(s, ast.Import | ast.ImportFrom) and name in set(bound_names([s]))]
        if len(helpers) == 1 and depth < 3:
            inner = self._resolve([helpers[0]], sample, depth + 1, frozenset())
            return None if inner is None else inner | Needs(helpers=(ast.unparse(helpers[0]),))
        line = self._imported.get(name) or usual_import(name) or ""
        return Needs(frozenset({line})) if line else None


def _is_of_library(line: str) -> bool:
    return is_library(line.split()[1].split(".")[0])


def _lines(body: Iterable[ast.stmt]) -> Iterable[tuple[str, str]]:
    """Name -> the import line of that name alone; nothing for the module under test."""
    for statement in body:
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                yield (alias.asname or alias.name).split(".")[0], ast.unparse(ast.Import([alias]))
        elif isinstance(statement, ast.ImportFrom) and statement.module and not statement.level and statement.module != SOLUTION:
            for alias in statement.names:
                yield alias.asname or alias.name, ast.unparse(ast.ImportFrom(statement.module, [alias], 0))
