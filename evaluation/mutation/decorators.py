"""Takes the decorators off the functions that mutmut skips for having them, and puts them back. Pure text and ast."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from evaluation.mutation.differences import lines_of

ALLOWED = ("staticmethod", "classmethod")  # one of these alone does not make mutmut skip the function


@dataclass(frozen=True, slots=True)
class Hidden:
    """A source whose decorator lines are comments.

    Attributes:
        source: As many lines as the original.
        lines: Comment -> the line it stands for; both without indentation and line end.
    """

    source: str
    lines: dict[str, str]

    def restore(self, source: str) -> str:
        """The decorators back in a changed copy of `source`; the comments mark their places, wherever they have moved."""
        return "".join(self.lines.get(line.strip(), line) for line in lines_of(source))


def hide_decorators(source: str) -> Hidden | None:
    """The source without the decorators of the functions that mutmut skips, or None where there are none.

    Raises:
        SyntaxError: if the source does not parse.
    """
    lines = lines_of(source)
    mark = "#@"
    while mark in source:
        mark += "@"
    hidden: dict[str, str] = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and _skipped(node):
            for number in range(min(decorator.lineno for decorator in node.decorator_list), node.lineno):
                comment = f"{mark}{number}"
                hidden[comment] = lines[number - 1]
                lines[number - 1] = " " * node.col_offset + comment + "\n"
    return Hidden("".join(lines), hidden) if hidden else None


def _skipped(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    only = node.decorator_list[0] if len(node.decorator_list) == 1 else None
    return bool(node.decorator_list) and not (isinstance(only, ast.Name) and only.id in ALLOWED)
