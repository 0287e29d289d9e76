"""Owns tests that pytest would not find: bare assertions, ``check(candidate)``, functions by another name. Pure."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from harness.data.suites.solution_imports import SuiteError


def loose_tests(statements: Iterable[ast.stmt], head: str) -> list[ast.stmt]:
    """The statements, with what they assert put into test functions.

    ``def check(candidate)`` and functions without parameters that assert become tests; so does every assertion at module level,
    in order and with what stands between them.

    Raises:
        SuiteError: if nothing is asserted.
    """
    kept: list[ast.stmt] = []
    tests: list[ast.stmt] = []
    bare: list[ast.stmt] = []
    for statement in statements:
        if isinstance(statement, ast.FunctionDef) and _asserts(statement) and (named := _as_test(statement, head)):
            tests.append(named)
        elif isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom):
            kept.append(statement)
        elif not _starts(statement, tests):
            bare.append(statement)
    if any(_asserts(statement) for statement in bare):
        body = [s for s in bare if not isinstance(s, ast.Pass)]
        tests += _cut(body, head)
    else:
        kept += bare
    if not tests:
        raise SuiteError("it holds no test")
    return [*kept, *tests]


def _asserts(node: ast.AST) -> bool:
    return any(isinstance(inner, ast.Assert) for inner in ast.walk(node))


def _as_test(node: ast.FunctionDef, head: str) -> ast.FunctionDef | None:
    """The function under a test's name; one parameter without a default stands for the focal function."""
    parameters = [*node.args.posonlyargs, *node.args.args]
    free = len(parameters) - len(node.args.defaults)
    if free > 1 or (free == 1 and parameters[0].arg not in {"candidate", "func", "function", "fn", "f", head}):
        return None
    if free == 1:
        for inner in ast.walk(node):
            if isinstance(inner, ast.Name) and inner.id == parameters[0].arg:
                inner.id = head
    node.args = ast.arguments(posonlyargs=[], args=[], kwonlyargs=[], kw_defaults=[], defaults=[])
    node.name = f"test_{node.name}"
    del node.lineno  # its text has changed: it is written anew
    return node


def _starts(statement: ast.stmt, tests: Iterable[ast.stmt]) -> bool:
    """Whether a statement calls a function that has become a test."""
    names = {test.name.removeprefix("test_") for test in tests if isinstance(test, ast.FunctionDef)}
    call = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in names


def _cut(body: list[ast.stmt], head: str) -> list[ast.stmt]:
    """One test per assertion where nothing but assertions stands there, else one in all."""
    groups = [[s] for s in body] if all(isinstance(s, ast.Assert) for s in body) else [body]
    return [_function(f"test_{head}_{k}", group) for k, group in enumerate(groups, 1)]


def _function(name: str, body: list[ast.stmt]) -> ast.FunctionDef:
    made = ast.parse(f"def {name}():\n    pass").body[0]
    assert isinstance(made, ast.FunctionDef)  # noqa: S101  the line above is one
    made.body = body
    del made.lineno
    return made
