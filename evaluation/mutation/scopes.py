"""What belongs to one function and to no other scope: its blocks, names and expressions. Pure ast; changes nothing."""

from __future__ import annotations

import ast
import builtins
import keyword
from collections.abc import Iterator

Function = ast.FunctionDef | ast.AsyncFunctionDef
Block = list[ast.stmt]

_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
NESTED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, *_COMPREHENSIONS)
# A function that names one of these may see which locals it has, or which its caller has.
LOOKS_AT_LOCALS = frozenset({"exec", "eval", "locals", "vars", "dir"})
LOOKS_AT_FRAMES = frozenset({"_getframe", "currentframe", "stack", "f_locals", "f_back", "tb_frame"})
# The code behind one of these is always compiled, whatever they hold.
_PASSES = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Expr, ast.Import, ast.ImportFrom, ast.Global, ast.Nonlocal)
_PASSES_TOO = (ast.Pass, ast.For, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Delete)


def functions(tree: ast.Module) -> list[Function]:
    """Every function of the module: methods, nested and asynchronous ones; no lambdas."""
    return [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]


def after_docstring(function: Function) -> int:
    """Index of the first statement of the body that is not the docstring."""
    first = function.body[0]
    return int(isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str))


def blocks(function: Function) -> list[Block]:
    """The function's statement lists, its body first; not those of nested functions and classes."""
    found: list[Block] = []
    waiting: list[ast.AST] = [function]
    while waiting:
        node = waiting.pop()
        for name, value in ast.iter_fields(node):
            if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                found.append(value)
                waiting.extend(statement for statement in value if not isinstance(statement, NESTED))
            elif name in {"handlers", "cases"}:
                waiting.extend(value)
    return found


def certain(function: Function) -> list[ast.stmt]:
    """The first statements of the body, up to one behind which code may be unreachable and therefore not compiled."""
    body = function.body[after_docstring(function) :]
    stop = next((index for index, node in enumerate(body) if not isinstance(node, (*_PASSES, *_PASSES_TOO))), len(body))
    return body[: stop + 1]


def header(statement: ast.stmt) -> Iterator[tuple[ast.AST, ast.expr]]:
    """(parent, expression) pairs of the statement itself, not of statements in it, nested scopes or annotations.

    The parts of f-strings and match patterns, where not every expression may stand, are left out.
    """
    waiting: list[ast.AST] = [] if isinstance(statement, NESTED) else [statement]
    while waiting:
        parent = waiting.pop()
        for name, value in ast.iter_fields(parent):
            children = value if isinstance(value, list) else [value]
            for child in children:
                if name == "annotation" or isinstance(child, (ast.stmt, ast.JoinedStr, ast.pattern, *NESTED)):
                    continue
                if isinstance(child, ast.expr):
                    yield parent, child
                if isinstance(child, (ast.expr, ast.keyword, ast.withitem)):
                    waiting.append(child)


def identifiers(tree: ast.AST) -> set[str]:
    """Every string that stands for a name anywhere in the tree, attributes included."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant):
            continue
        for _, value in ast.iter_fields(node):
            values = value if isinstance(value, list) else [value]
            found.update(part for item in values if isinstance(item, str) for part in item.split("."))
    return found


def taken(tree: ast.Module) -> set[str]:
    """Names that a new local must not have: those of the module, builtins, keywords."""
    return identifiers(tree) | set(dir(builtins)) | set(keyword.kwlist) | set(keyword.softkwlist)


def renamable(function: Function) -> list[str]:
    """Locals that are only ever plain names of this very scope, sorted.

    Parameters, globals, captured variables, names of imports, handlers, patterns, nested functions and classes are not.
    """
    stored: set[str] = set()
    barred = identifiers(function.args)
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, (*NESTED, ast.pattern, ast.alias, ast.Global, ast.Nonlocal)):
            barred |= identifiers(node)
            continue
        if isinstance(node, ast.ExceptHandler) and node.name:
            barred.add(node.name)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            stored.add(node.id)
        waiting.extend(ast.iter_child_nodes(node))
    return sorted(stored - barred)


def rename(function: Function, old: str, new: str) -> None:
    """Rename a local that `renamable` allows, in place."""
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and node.id == old:
            node.id = new
