"""What is read from a reference's source. Pure; trusts the source."""

from __future__ import annotations

import ast

Focal = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
FOCAL = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class FocalNotFoundError(Exception):
    """The source has no definition of the entry point."""


def focal_node(source: str, entry_point: str) -> Focal:
    """The definition of the focal function, class or method (``Class.method``); the last one where there are several.

    Raises:
        FocalNotFoundError: if there is none at the top level of the module, or of the class.
        SyntaxError: if the source does not parse.
    """
    body: list[ast.stmt] = ast.parse(source).body
    found: list[Focal] = []
    for name in entry_point.split("."):
        found = [node for node in body if isinstance(node, FOCAL) and node.name == name]
        if not found:
            raise FocalNotFoundError(f"no top-level def or class named {entry_point!r}")
        body = found[-1].body
    return found[-1]


def body_lines(source: str, entry_point: str) -> set[int]:
    """Line numbers, 1-based, of the function's body, nested functions included.

    The ``def`` line is left out: importing the module runs it. Empty when the whole body stands on that line. Of a class the
    bodies of its methods count, wherever there are any.
    """
    node = focal_node(source, entry_point)
    methods = [inner for inner in node.body if isinstance(inner, FOCAL)] if isinstance(node, ast.ClassDef) else []
    return {line for owner in methods or [node] for line in _body_of(owner)}


def _body_of(node: Focal) -> range:
    first = node.body[0].lineno
    return range(first, (node.end_lineno or first) + 1) if first > node.lineno else range(0)


def measurable(source: str, entry_point: str) -> str:
    """The source, or the same program printed anew when the function's body shares a line with its ``def``."""
    return source if body_lines(source, entry_point) else ast.unparse(ast.parse(source))


def statement_starts(source: str) -> dict[int, int]:
    """Line -> first line of the innermost statement on it, as coverage.py reports statements (1-based)."""
    starts: dict[int, int] = {}
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.stmt)]
    for node in sorted(nodes, key=lambda node: (node.lineno, -(node.end_lineno or node.lineno))):
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1):
            starts[line] = node.lineno
    return starts


def imported_modules(source: str) -> list[str]:
    """Modules that the top level of a source imports."""
    body = ast.parse(source).body
    plain = [alias.name for node in body if isinstance(node, ast.Import) for alias in node.names]
    return plain + [node.module for node in body if isinstance(node, ast.ImportFrom) and node.module and not node.level]
