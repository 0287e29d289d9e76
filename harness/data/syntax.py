"""Owns the reading of other people's Python: parsing without their warnings, and which names a module defines. Pure."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterable, Iterator


def parse(source: str) -> ast.Module:
    r"""The syntax tree of a module.

    Raises:
        SyntaxError: if `source` is not Python.
        ValueError: if it holds null bytes.
    """
    # 18 functions of MBPP write "\d" for r"\d": Python warns on the user's screen, or fails where warnings are errors.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(source)


def top_level_names(source: str) -> frozenset[str]:
    """Names that a module defines itself: its functions, classes and assignments, but not its imports.

    Raises:
        SyntaxError: if `source` is not Python.
        ValueError: if it holds null bytes.
    """
    return frozenset(bound_names(s for s in parse(source).body if not isinstance(s, ast.Import | ast.ImportFrom)))


def bound_names(statements: Iterable[ast.stmt]) -> Iterator[str]:
    """Names that the statements themselves define; a comprehension's, lambda's or nested function's own do not count."""
    pending: list[ast.AST] = list(statements)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from ((alias.asname or alias.name).split(".")[0] for alias in node.names)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
            continue
        if not isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp | ast.Lambda):
            pending.extend(ast.iter_child_nodes(node))
