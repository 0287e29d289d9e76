"""Owns the step from a data set's assertions to an ordinary pytest file. Pure: works on syntax trees, runs nothing.

Which of the tests a model is trained to write is decided in `harness.data.suites.targets`.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from harness.data.suites.syntax import bound_names, parse, top_level_names

_BUILTINS = frozenset(dir(builtins))


@dataclass(frozen=True, slots=True)
class Checks:
    """What a data set asserts about one focal function.

    Attributes:
        entry_point: Name of the focal function.
        body: Statements that hold the assertions; the focal function goes by its own name.
        setup: Statements that stand at module level before the tests.
    """

    entry_point: str
    body: Sequence[ast.stmt]
    setup: Sequence[ast.stmt] = ()

    @property
    def single(self) -> list[ast.Assert]:
        """Assertions that stand alone: they need no other statement of the body, and do not hold whatever the function does."""
        bound = set(bound_names(self.body))
        return [s for s in self.body if isinstance(s, ast.Assert) and _is_about_code(s) and not bound & set(_loaded([s]))]

    @property
    def rest(self) -> list[ast.stmt]:
        """All other statements, in order; empty when none of them asserts anything."""
        alone = {id(statement) for statement in self.single}
        rest = [s for s in self.body if id(s) not in alone and not _is_inert(s)]
        return rest if any(isinstance(node, ast.Assert) for s in rest for node in ast.walk(s)) else []


def suite_of(source: str, checks: Checks) -> str | None:
    """An ordinary pytest file: one test per single assertion, and one for the rest of the body.

    Args:
        source: The focal module, importable as ``solution``.
        checks: What holds for it.

    Returns:
        The file's text, or None when nothing is asserted about the function.
    """
    bodies: list[Sequence[ast.stmt]] = [[without_message(statement)] for statement in checks.single]
    if checks.rest:
        bodies.append([*_seeding(checks.rest), *checks.rest])
    if not bodies:
        return None
    tests = [function_text(f"test_{checks.entry_point}_{k}", body) for k, body in enumerate(bodies, 1)]
    header = [*_imports(source, checks), *(ast.unparse(s) for s in checks.setup)]
    return "\n".join(header) + "\n\n\n" + "\n\n\n".join(tests) + "\n"


def function_text(name: str, body: Sequence[ast.stmt]) -> str:
    """``def name():`` with a body, as source text without a final newline."""
    lines = "\n".join(ast.unparse(statement) for statement in body).split("\n")
    return f"def {name}():\n" + "\n".join(f"    {line}" if line else line for line in lines)


def without_message(statement: ast.Assert) -> ast.Assert:
    """The assertion without its message, which in these data sets only numbers it."""
    return ast.Assert(test=statement.test, msg=None)


def _imports(source: str, checks: Checks) -> list[str]:
    """Import lines for every free name of the tests: from the solution, or as the solution itself imports it."""
    statements = [*checks.setup, *checks.body]
    wanted = set(_loaded(statements)) - set(bound_names(statements)) - {checks.entry_point}
    own = top_level_names(source)
    lines = [
        ast.unparse(s)
        for s in parse(source).body
        if isinstance(s, ast.Import | ast.ImportFrom) and (wanted - own) & set(bound_names([s]))
    ]
    names = [checks.entry_point, *sorted(wanted & own)]
    return [*lines, f"from solution import {', '.join(names)}"]


def _seeding(body: Sequence[ast.stmt]) -> list[ast.stmt]:
    """`random.seed(0)` where the body draws at random: an oracle has to give the same verdict every time."""
    modules = {alias.name for s in body if isinstance(s, ast.Import) for alias in s.names}
    modules |= {s.module for s in body if isinstance(s, ast.ImportFrom) and s.module}
    return ast.parse("import random\nrandom.seed(0)").body if "random" in modules else []


def _is_about_code(statement: ast.Assert) -> bool:
    """False for `assert True` and the like."""
    return any(isinstance(node, ast.Name) for node in ast.walk(statement.test))


def _is_inert(statement: ast.stmt) -> bool:
    """A docstring, a bare `print`, a `pass`, or an assertion about nothing."""
    if isinstance(statement, ast.Assert):
        return not _is_about_code(statement)
    value = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(statement, ast.Pass) or isinstance(value, ast.Name | ast.Constant)


def _loaded(statements: Iterable[ast.stmt]) -> Iterator[str]:
    """Names that are read, builtins apart."""
    for statement in statements:
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id not in _BUILTINS:
                yield node.id
