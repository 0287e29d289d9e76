"""Neutral padding by text alone, for sources that Python's own printer cannot print again."""

from __future__ import annotations

import ast
import random

from evaluation.mutation.differences import lines_of
from evaluation.mutation.rewrites import Site
from evaluation.mutation.scopes import Function, after_docstring, functions, taken

_COMPOUND = (ast.If, ast.For, ast.While, ast.With, ast.Try, ast.Match, ast.FunctionDef, ast.ClassDef)
_COMPOUND_TOO = (ast.AsyncFunctionDef, ast.AsyncFor, ast.AsyncWith, ast.TryStar)


def pad(source: str, rng: random.Random) -> str:
    """The source with a new local that is assigned and deleted at the start of every function.

    Raises:
        SyntaxError: if the source does not parse.
    """
    tree = ast.parse(source)
    used = taken(tree)
    lines = [line.encode() for line in lines_of(source)]  # ast counts columns in bytes
    for function in sorted(functions(tree), key=lambda node: _place(node)[:2], reverse=True):
        name = Site(function, rng, used).fresh()
        line, column, compound, behind = _place(function)
        text = f"{name} = {rng.randint(0, 99)}; del {name}".encode()
        old = lines[line - 1]
        new = b"; " + text if behind else text + (b"\n" + old[:column] if compound else b"; ")
        lines[line - 1] = old[:column] + new + old[column:]
    return b"".join(lines).decode()


def _place(function: Function) -> tuple[int, int, bool, bool]:
    """Line, byte column, whether a compound statement stands there, whether it is the end of a lone docstring."""
    start = after_docstring(function)
    if start == len(function.body):
        only = function.body[0]
        return only.end_lineno or only.lineno, only.end_col_offset or 0, False, True
    node = function.body[start]
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    line = min([node.lineno, *(decorator.lineno for decorator in decorators)])
    return line, node.col_offset, isinstance(node, (*_COMPOUND, *_COMPOUND_TOO)), False
