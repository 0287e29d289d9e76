"""Compiles a version of a focal function's module, with a tick in every function and loop when asked. Runs nothing.

A tick is a call of the global name `TICK`, which whoever runs the code puts into the module's globals: it counts the work
done, so that a mutant that never ends is stopped at the same place on every machine.
"""

from __future__ import annotations

import ast
import marshal
import warnings

from evaluation.records import SOLUTION_PATH

TICK = "__tick__"
VERSION = 1  # raise it when the same source compiles to other code

_BODIES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.For, ast.AsyncFor, ast.While)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def compiled(source: str, path: str = SOLUTION_PATH, ticks: bool = True) -> bytes:
    """The module's code object, marshalled; readable by the same Python version only.

    Line numbers of the original statements stay, assertions too; a tick has the line of the statement behind it.

    Args:
        source: A whole module.
        path: File name in the code objects; one for all versions, so that none can be told by it.
        ticks: Call `TICK` first in every function body (behind the docstring) and in every loop body. Lambdas and
            comprehensions have none.

    Raises:
        SyntaxError: if the source does not compile.
        ValueError: if it holds a null byte.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a mutant such as `1()` makes the compiler warn
        tree = ast.parse(source)
        if ticks:
            _add_ticks(tree)
        return marshal.dumps(compile(tree, path, "exec", dont_inherit=True, optimize=0))


def _add_ticks(tree: ast.Module) -> None:
    for node in [node for node in ast.walk(tree) if isinstance(node, _BODIES)]:
        behind = 1 if isinstance(node, _FUNCTIONS) and _has_docstring(node) else 0
        node.body.insert(behind, _tick(node.body[min(behind, len(node.body) - 1)]))


def _has_docstring(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    first = node.body[0]
    return isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)


def _tick(before: ast.stmt) -> ast.Expr:
    decorators: list[ast.expr] = getattr(before, "decorator_list", [])
    line = min([before.lineno, *(decorator.lineno for decorator in decorators)])
    place = {"lineno": line, "col_offset": before.col_offset, "end_lineno": line, "end_col_offset": before.col_offset}
    name = ast.Name(TICK, ast.Load(), **place)
    return ast.Expr(ast.Call(name, [], [], **place), **place)
