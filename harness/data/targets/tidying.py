"""Owns what a piece of a test can be said without, so that it does the same. Pure."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence

from harness.data.suites.groups import shortened
from harness.data.suites.names import loaded_names

_EFFECTS = (ast.Call, ast.Await, ast.NamedExpr, ast.Yield, ast.YieldFrom)


def tidied(statements: Sequence[ast.stmt]) -> list[ast.stmt]:
    """Statements without assignments that nothing reads, and with values put where their only name stood."""
    kept = list(statements)
    for at in range(len(statements) - 1, -1, -1):
        if _is_idle(kept[at], kept[at + 1 :]):
            del kept[at]
    try:
        return shortened(kept)
    except RecursionError:
        return kept


def _is_idle(statement: ast.stmt, later: Sequence[ast.stmt]) -> bool:
    """Whether a statement does nothing but give names that nothing later reads or changes."""
    if not isinstance(statement, ast.Assign) or any(isinstance(node, _EFFECTS) for node in ast.walk(statement.value)):
        return False
    names = {target.id for target in statement.targets if isinstance(target, ast.Name)}
    return len(names) == len(statement.targets) and not names & (set(loaded_names(later)) | set(_changed(later)))


def _changed(statements: Iterable[ast.stmt]) -> Iterator[str]:
    """Names that are there to be changed: ``x += 1``, ``del x``, ``nonlocal x``."""
    for node in (node for statement in statements for node in ast.walk(statement)):
        if isinstance(node, ast.Global | ast.Nonlocal):
            yield from node.names
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            yield node.target.id
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Del):
            yield node.id
