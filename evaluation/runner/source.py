"""What is read from a reference's source, and versions of it that behave alike. Pure; trusts the source."""

from __future__ import annotations

import ast

Focal = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


class FocalNotFoundError(Exception):
    """The source has no top-level definition of the entry point."""


def focal_node(source: str, entry_point: str) -> Focal:
    """The definition of the focal function; the last one where there are several.

    Raises:
        FocalNotFoundError: if there is none.
        SyntaxError: if the source does not parse.
    """
    found = [
        node
        for node in ast.parse(source).body
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and node.name == entry_point
    ]
    if not found:
        raise FocalNotFoundError(f"no top-level def or class named {entry_point!r}")
    return found[-1]


def body_lines(source: str, entry_point: str) -> set[int]:
    """Line numbers, 1-based, of the function's body, nested functions included.

    The ``def`` line is left out: importing the module runs it. Empty when the whole body stands on that line.
    """
    node = focal_node(source, entry_point)
    first = node.body[0].lineno
    return set(range(first, (node.end_lineno or first) + 1)) if first > node.lineno else set()


def measurable(source: str, entry_point: str) -> str:
    """The source, or the same program printed anew when the function's body shares a line with its ``def``."""
    return source if body_lines(source, entry_point) else ast.unparse(ast.parse(source))


class _Padding(ast.NodeTransformer):
    """Adds a dead assignment to every function: other bytecode, constants and locals, the same behaviour."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        """Pad one function, behind its docstring."""
        self.generic_visit(node)
        behind = 1 if ast.get_docstring(node, clean=False) is not None else 0
        dead = ast.Assign(targets=[ast.Name("_neutral", ast.Store())], value=ast.Constant(982451653))
        node.body.insert(behind, dead)
        return node


def neutral(source: str) -> str:
    """The same program with other code objects: a test that fails on it looks at the implementation."""
    return ast.unparse(ast.fix_missing_locations(_Padding().visit(ast.parse(source))))


def statement_starts(source: str) -> dict[int, int]:
    """Line -> first line of the innermost statement on it, as coverage.py reports statements (1-based)."""
    starts: dict[int, int] = {}
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.stmt)]
    for node in sorted(nodes, key=lambda node: (node.lineno, -(node.end_lineno or node.lineno))):
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1):
            starts[line] = node.lineno
    return starts
