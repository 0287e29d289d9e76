"""Owns the cut of a test file: the chosen tests with what they need, as test code that imports the focal function. Pure."""

from __future__ import annotations

import ast
import copy
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from harness.data.harvest.modules import Function, Module
from harness.data.harvest.names import Unqualified, imported_modules
from harness.data.harvest.slicing import statement_text
from harness.data.suites.convert import only_tests

_HOOKS = frozenset({"pytestmark", "setup_module", "teardown_module", "setup_function", "teardown_function", "setup", "teardown"})


@dataclass(frozen=True)
class TestFile:
    """A test file. Not slotted: what is derived from it is kept.

    Attributes:
        module: Its text and name.
        modules: All modules of the code base, by name.
        importable: Whether they can be imported where the tests will run.
    """

    __test__ = False  # pytest would collect the name

    module: Module
    modules: Mapping[str, Module]
    importable: bool

    @cached_property
    def words(self) -> dict[str, frozenset[str]]:
        """Test name, ``test_x`` or ``TestX::test_y`` -> identifiers in it and in the set-up of its class."""
        found: dict[str, frozenset[str]] = {}
        for statement in self.module.body:
            if isinstance(statement, Function):
                found[statement.name] = _words(statement)
            elif isinstance(statement, ast.ClassDef):
                methods = [inner for inner in statement.body if isinstance(inner, Function)]
                tests = [method for method in methods if method.name.startswith("test")]
                common = frozenset[str]().union(*(_words(inner) for inner in statement.body if inner not in tests))
                found |= {f"{statement.name}::{test.name}": _words(test) | common for test in tests}
        return found

    def cut(self, keep: Collection[str], focal: str, sliced: Collection[str]) -> str | None:
        """Test code with these tests alone, or None where they need what cannot be had.

        Args:
            keep: Names as pytest gives them, without the brackets of cases.
            focal: Name of the focal function; ``package.focal`` becomes ``focal``.
            sliced: Names that the focal slice defines.
        """
        text = only_tests(self.module.text, keep)
        if text is None:
            return None
        module = Module(self.module.name, self.module.path, text, self.module.is_package)
        unqualified = Unqualified(focal, imported_modules(module.body) - {focal})
        shown = [ast.fix_missing_locations(unqualified.visit(copy.deepcopy(statement))) for statement in module.body]
        lines, taken = self._needed(module, shown, sliced)
        if lines is None:
            return None
        return "\n".join([*lines, *(_text(module, module.body[at], shown[at]) for at in sorted(taken))]) + "\n"

    def _needed(self, module: Module, shown: list[ast.stmt], sliced: Collection[str]) -> tuple[list[str] | None, set[int]]:
        """Import lines and places of all statements that the tests need; no lines where something is out of reach."""
        lines: dict[str, None] = {}
        taken: set[int] = set()
        pending = [at for at, statement in enumerate(shown) if _is_root(statement)]
        while pending:
            at = pending.pop()
            if at in taken:
                continue
            taken.add(at)
            for name in sorted(module.needs(shown[at]) | _arguments(shown[at])):
                for place in module.bindings.get(name, []):
                    statement = module.body[place]
                    if not isinstance(statement, ast.Import | ast.ImportFrom):
                        pending.append(place)
                        continue
                    line = self._import(module, statement, name, sliced)
                    if line is None:
                        return None, taken
                    lines[line] = None
                if name not in module.bindings and (line := self._starred(module, name)):
                    lines[line] = None
        return list(lines), taken

    def _import(self, module: Module, statement: ast.Import | ast.ImportFrom, name: str, sliced: Collection[str]) -> str | None:
        alias = next(one for one in statement.names if (one.asname or one.name).split(".")[0] == name)
        shown = alias.name + (f" as {alias.asname}" if alias.asname else "")
        origin = alias.name if isinstance(statement, ast.Import) else module.absolute(statement)
        own = any(known.split(".")[0] == origin.split(".")[0] for known in self.modules)
        if own and not self.importable and alias.name not in sliced:
            return None
        return f"import {shown}" if isinstance(statement, ast.Import) else f"from {origin or '.'} import {shown}"

    def _starred(self, module: Module, name: str) -> str | None:
        """An explicit import for a name that can only come out of ``from x import *``."""
        stars = [module.absolute(s) for s in module.body if isinstance(s, ast.ImportFrom) and s.names[0].name == "*"]
        known = [star for star in stars if star in self.modules and name in self.modules[star].bindings]
        return f"from {known[-1]} import {name}" if known else None


def _is_root(statement: ast.stmt) -> bool:
    """A test, or what pytest runs without being asked by name."""
    if isinstance(statement, Function):
        automatic = any("autouse" in ast.dump(one) for one in statement.decorator_list)
        return statement.name.startswith("test") or statement.name in _HOOKS or automatic
    if isinstance(statement, ast.ClassDef):
        return any(isinstance(inner, Function) and inner.name.startswith("test") for inner in statement.body)
    return isinstance(statement, ast.Assign) and any(isinstance(t, ast.Name) and t.id in _HOOKS for t in statement.targets)


def _arguments(statement: ast.stmt) -> set[str]:
    """Arguments of the functions in a statement: fixtures go by their names."""
    found = set()
    for node in ast.walk(statement):
        if isinstance(node, Function):
            found |= {argument.arg for argument in node.args.args}
    return found


def _words(statement: ast.AST) -> frozenset[str]:
    return frozenset(_identifiers(statement))


def _identifiers(statement: ast.AST) -> Iterator[str]:
    for node in ast.walk(statement):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, Function):
            yield from (argument.arg for argument in node.args.args)


def _text(module: Module, written: ast.stmt, shown: ast.stmt) -> str:
    """The statement as it was written, unless something in it was changed."""
    same = ast.dump(written) == ast.dump(shown)
    text = statement_text(module, written) if same else ast.unparse(shown)
    return "\n\n" * isinstance(written, Function | ast.ClassDef) + text
