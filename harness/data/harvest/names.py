"""Owns which import line gives a test the name it reads, and the rewriting of ``package.function`` to the name itself. Pure."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from harness.data.harvest.modules import Module

_BUILTINS = frozenset(dir(builtins)) | {"__name__", "__file__"}


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a test's names come from.

    Attributes:
        module: Of the focal function.
        sliced: Names that the focal slice defines.
        importable: Whether the module itself can be imported where the test runs.
    """

    module: Module
    sliced: frozenset[str]
    importable: bool

    def line(self, name: str) -> str | None:
        """The import line for a name that the test does not bind; empty for builtins, None where there is none."""
        if name in self.sliced:
            return f"from solution import {name}"
        if name == "pytest":
            return "import pytest"
        places = self.module.bindings.get(name)
        if places is None:
            return "" if name in _BUILTINS else None
        statement = self.module.body[places[-1]]
        if isinstance(statement, ast.Import | ast.ImportFrom):
            return self._as_imported(statement, name)
        return f"from {self.module.name} import {name}" if self.importable else None

    def reaches(self, line: str) -> bool:
        """Whether an import line can work where the test runs."""
        top = line.split()[1].split(".")[0]
        return bool(top) and (self.importable or top != self.module.name.split(".")[0])

    def _as_imported(self, statement: ast.Import | ast.ImportFrom, name: str) -> str | None:
        alias = next((one for one in statement.names if (one.asname or one.name).split(".")[0] == name), None)
        if alias is None:
            return None
        shown = alias.name + (f" as {alias.asname}" if alias.asname else "")
        if isinstance(statement, ast.Import):
            return f"import {shown}"
        if statement.level and not self.importable:
            return None
        return f"from {self.module.absolute(statement)} import {shown}"


class Unqualified(ast.NodeTransformer):
    """Turns ``np.linalg.norm`` into ``norm`` wherever `root` of the dotted name is an imported module.

    Args:
        name: Of the focal function.
        roots: Names that are modules.
    """

    def __init__(self, name: str, roots: Collection[str]) -> None:
        self._name = name
        self._roots = roots

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """Replace it, or look further in."""
        root = _root(node.value)
        if node.attr == self._name and root in self._roots and isinstance(node.ctx, ast.Load):
            return ast.copy_location(ast.Name(id=self._name, ctx=ast.Load()), node)
        return self.generic_visit(node)


def imported_modules(statements: Iterable[ast.stmt]) -> set[str]:
    """Names that ``import`` statements bind, and names out of from-imports that may be modules: those in lower case."""
    found = set()
    for statement in statements:
        if isinstance(statement, ast.Import):
            found |= {(alias.asname or alias.name).split(".")[0] for alias in statement.names}
        elif isinstance(statement, ast.ImportFrom):
            found |= {name for alias in statement.names if (name := alias.asname or alias.name).islower()}
    return found


def merged_imports(lines: Iterable[str]) -> list[str]:
    """Import lines in order, one for each module; the solution's last, so that no star import hides its names.

    Args:
        lines: ``import a.b [as c]`` or ``from a import b [as c]``.
    """
    plain = sorted(line for line in lines if line.startswith("import "))
    found: dict[str, list[str]] = {}
    for line in sorted(line for line in lines if line.startswith("from ")):
        origin, _, what = line.removeprefix("from ").partition(" import ")
        found.setdefault(origin, []).append(what)
    stars = [f"from {origin} import *" for origin, names in found.items() if "*" in names]
    named = [(origin, ", ".join(name for name in names if name != "*")) for origin, names in found.items()]
    lasting = sorted((origin == "solution", f"from {origin} import {names}") for origin, names in named if names)
    return [*plain, *stars, *(line for _, line in lasting)]


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""
