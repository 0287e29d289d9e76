"""Owns the cases that a test spells out: literal ``parametrize`` lists, and loops over literals. Pure."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

from harness.data.suites.syntax import dotted

Case = Mapping[str, ast.expr]
MAX_CASES = 24
"""Of one loop or decorator; of a longer table the first ones are taken."""


def parametrized(node: ast.FunctionDef, parameters: Sequence[str]) -> list[Case] | None:
    """The cases of a test function; one empty case without parameters, None where they are not all spelled out."""
    if not node.decorator_list:
        return None if parameters else [{}]
    decorator = node.decorator_list[0]
    if len(node.decorator_list) > 1 or not isinstance(decorator, ast.Call) or len(decorator.args) != 2:
        return None
    if dotted(decorator.func) != "pytest.mark.parametrize" or decorator.keywords:
        return None
    names = _names(decorator.args[0])
    rows = decorator.args[1].elts if isinstance(decorator.args[1], ast.List | ast.Tuple) else None
    if names is None or rows is None or sorted(names) != sorted(parameters):
        return None
    cases = [_matched(names, row, single=len(names) == 1) for row in rows[:MAX_CASES]]
    return [case for case in cases if case is not None]


def loop_cases(loop: ast.For, known: Mapping[str, ast.expr]) -> list[Case] | None:
    """The values that the names of a loop take, one mapping a turn; None where the loop is over no literal or does more.

    Args:
        loop: The loop.
        known: Names that stand for a literal.
    """
    if loop.orelse or any(isinstance(n, ast.Break | ast.Continue | ast.Return) for s in loop.body for n in ast.walk(s)):
        return None
    rows = _rows(loop.iter, known)
    if rows is None or _stored(loop.body) & _stored([loop.target]):
        return None
    cases = [_bound(loop.target, row) for row in rows[:MAX_CASES]]
    return [case for case in cases if case is not None] if all(case is not None for case in cases) else None


def is_constant(node: ast.expr) -> bool:
    """Whether an expression is a value that nothing can change: a number, a text, a tuple of such."""
    if isinstance(node, ast.Tuple):
        return all(map(is_constant, node.elts))
    if isinstance(node, ast.UnaryOp | ast.BinOp):
        return all(is_constant(inner) for inner in ast.iter_child_nodes(node) if isinstance(inner, ast.expr))
    return isinstance(node, ast.Constant)


def _rows(node: ast.expr, known: Mapping[str, ast.expr]) -> list[ast.expr] | None:
    if isinstance(node, ast.Name) and node.id in known:
        node = known[node.id]
    if isinstance(node, ast.List | ast.Tuple):
        return None if any(isinstance(row, ast.Starred) for row in node.elts) else list(node.elts)
    if isinstance(node, ast.Call) and dotted(node.func) == "enumerate" and len(node.args) == 1:
        rows = _rows(node.args[0], known)
        return [ast.Tuple([ast.Constant(k), row], ast.Load()) for k, row in enumerate(rows)] if rows is not None else None
    return None


def _bound(target: ast.expr, value: ast.expr) -> Case | None:
    """What unpacking a value into a target binds; None where the shapes differ."""
    if isinstance(target, ast.Name):
        return {target.id: value}
    if not isinstance(target, ast.Tuple | ast.List) or not isinstance(value, ast.Tuple | ast.List):
        return None
    if len(target.elts) != len(value.elts):
        return None
    found: dict[str, ast.expr] = {}
    for inner, part in zip(target.elts, value.elts, strict=True):
        bound = _bound(inner, part)
        if bound is None:
            return None
        found |= bound
    return found


def _stored(nodes: Sequence[ast.AST]) -> set[str]:
    return {n.id for node in nodes for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


def _names(node: ast.expr) -> list[str] | None:
    """``"a, b"`` or ``("a", "b")``."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [name.strip() for name in node.value.split(",") if name.strip()]
    if isinstance(node, ast.List | ast.Tuple) and all(isinstance(e, ast.Constant) for e in node.elts):
        return [str(e.value) for e in node.elts if isinstance(e, ast.Constant)]
    return None


def _matched(names: Sequence[str], row: ast.expr, *, single: bool) -> Case | None:
    if isinstance(row, ast.Call):  # pytest.param(...)
        row = ast.Tuple(list(row.args), ast.Load()) if not row.keywords and not single else row.args[0] if row.args else row
    if single:
        return {names[0]: row}
    values = row.elts if isinstance(row, ast.List | ast.Tuple) else []
    return dict(zip(names, values, strict=True)) if len(values) == len(names) else None
