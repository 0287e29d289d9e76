"""Owns the step from the examples of a docstring to pytest tests. Pure: parses, runs nothing.

Examples that share no variable become tests of their own, short ones; those that do stay together, in order.
"""

from __future__ import annotations

import ast
import doctest
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from harness.data.harvest.expected import assertion, exception_name
from harness.data.harvest.modules import Function, names_read
from harness.data.harvest.names import Scope, Unqualified, imported_modules, merged_imports
from harness.data.suites.oracle import function_text
from harness.data.suites.syntax import bound_names, parse

MAX_TESTS = 12
MAX_STATEMENTS = 25
EXAMPLE = "_example_"  # in the names of tests that come from a docstring


@dataclass(frozen=True, slots=True)
class Tests:
    """Tests of one function.

    Attributes:
        imports: Import lines, each of one name; the focal function's among them.
        tests: Whole test functions.
    """

    __test__ = False  # pytest would collect the name

    imports: tuple[str, ...]
    tests: tuple[str, ...]

    @property
    def suite(self) -> str:
        """As a pytest file."""
        return "\n".join(merged_imports(self.imports)) + "\n\n\n" + "\n\n\n".join(self.tests) + "\n"


@dataclass(frozen=True, slots=True)
class _Step:
    """One example: its statements, what they read and bind, and whether they check anything."""

    body: list[ast.stmt]
    reads: frozenset[str]
    binds: frozenset[str]
    checks: bool
    usable: bool = True


def doctest_tests(function: Function, scope: Scope) -> Tests | None:
    """The examples in a function's docstring as tests; None where there are none about the function.

    Args:
        function: The focal function.
        scope: Where names come from.
    """
    docs = ast.get_docstring(function) or ""
    try:
        examples = doctest.DocTestParser().get_examples(docs)
        imports, steps = _steps(examples, function.name, scope)
    except (SyntaxError, ValueError, RecursionError):
        return None
    lines: dict[str, None] = {}
    tests: list[str] = []
    for group in _groups(steps):
        needed = _imports_of(group, imports, scope)
        body = [statement for step in group for statement in step.body]
        about = any(function.name in step.reads for step in group)
        if needed is None or not about or len(body) > MAX_STATEMENTS or len(tests) == MAX_TESTS:
            continue
        lines |= dict.fromkeys(needed)
        tests.append(function_text(f"test_{function.name}{EXAMPLE}{len(tests) + 1}", body))
    if not tests:
        return None
    return Tests(tuple(lines), tuple(tests))


def _steps(examples: list[doctest.Example], focal: str, scope: Scope) -> tuple[dict[str, str], list[_Step]]:
    """Name -> import line of what the examples import, and all other examples."""
    bodies = [parse(example.source).body for example in examples]
    every = [statement for body in bodies for statement in body]
    imports = {name: line for s in every if isinstance(s, ast.Import | ast.ImportFrom) for name, line in _lines(s, scope)}
    unqualified = Unqualified(focal, {*imported_modules(every), *imported_modules(scope.module.body)} - {focal})
    bound: set[str] = set()

    def known(name: str) -> bool:
        return name in bound or name in imports or "* " in imports or scope.line(name) is not None

    steps = []
    for example, body in zip(examples, bodies, strict=True):
        if all(isinstance(statement, ast.Import | ast.ImportFrom) for statement in body):
            continue
        steps.append(_step(example, unqualified, known))
        bound |= steps[-1].binds
    return imports, steps


def _step(example: doctest.Example, unqualified: Unqualified, known: Callable[[str], bool]) -> _Step:
    usable = doctest.SKIP not in example.options
    check = assertion(example, known) if example.want or example.exc_msg else None
    body = [check] if check is not None else parse(example.source).body
    body = [ast.fix_missing_locations(unqualified.visit(statement)) for statement in body]
    if example.exc_msg is not None and (check is None or not known(exception_name(example.exc_msg).rpartition(".")[2])):
        usable = False
    return _Step(body, names_read(body), frozenset(bound_names(body)), check is not None, usable)


def _lines(statement: ast.Import | ast.ImportFrom, scope: Scope) -> Iterator[tuple[str, str]]:
    for alias in statement.names:
        name = (alias.asname or alias.name).split(".")[0]
        shown = alias.name + (f" as {alias.asname}" if alias.asname else "")
        if isinstance(statement, ast.Import):
            yield name, f"import {shown}"
        elif name in scope.sliced:
            yield name, f"from solution import {name}"
        elif alias.name == "*":
            yield "* ", f"from {statement.module} import *"
        else:
            yield name, f"from {'.' * statement.level}{statement.module or ''} import {shown}"


def _groups(steps: list[_Step]) -> list[list[_Step]]:
    """Steps that share a variable's value, each group in order; a variable bound anew starts a new one."""
    group = list(range(len(steps)))
    holder: dict[str, int] = {}
    always: list[int] = []
    for at, step in enumerate(steps):
        for name in step.reads & holder.keys():
            old, new = group[holder[name]], group[at]
            group = [new if one == old else one for one in group]
        holder |= dict.fromkeys(step.binds, at)
        if not step.checks and not step.binds and not step.reads & holder.keys():
            always.append(at)  # it changes something that no variable holds: random.seed(0)
    found: dict[int, list[int]] = {}
    for at, one in enumerate(group):
        found.setdefault(one, []).append(at)
    checked = [members for members in found.values() if any(steps[at].checks for at in members)]
    whole = [sorted({*members, *(at for at in always if at < members[-1])}) for members in checked]
    return [[steps[at] for at in members] for members in whole if all(steps[at].usable for at in members)]


def _imports_of(group: list[_Step], imports: dict[str, str], scope: Scope) -> list[str] | None:
    """Import lines for what a test reads and does not bind; None where a name comes from nowhere."""
    bound = {name for step in group for name in step.binds}
    lines = []
    for name in sorted({name for step in group for name in step.reads} - bound):
        line = imports.get(name) or scope.line(name)
        if line is None and "* " in imports:
            line = imports["* "]
        if line is None or (line and not scope.reaches(line)):
            return None
        lines += [line] if line else []
    return lines
