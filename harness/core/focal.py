"""The parts of a record's module that a prompt may show: the focal function, what surrounds it, signature, docstring.

Reads code with `ast` and never runs it. Which parts a prompt shows is the template's choice.
"""

from __future__ import annotations

import ast
import textwrap
import warnings
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True, slots=True)
class Focal:
    """The parts of a module, seen from its focal function.

    Attributes:
        focal: The definition alone, decorators included, not indented; the whole module where it cannot be told apart.
        context: The module without the definition: imports and helpers. Empty where nothing is left.
        signature: ``def name(...) -> ...`` on one line, without decorators and colon; of a class ``class Name(...)``. Empty
            where the name is not bound by a definition.
        docstring: Of the definition, not indented; empty without one.
    """

    focal: str
    context: str
    signature: str
    docstring: str


def focal_parts(source: str, entry_point: str) -> Focal:
    """The parts of a module.

    Args:
        source: A whole module. One that does not parse is all focal.
        entry_point: ``name``, or a dotted path through classes and functions (``Class.method``). Where a name is defined more
            than once (overloads, fallbacks), the last definition counts, as it does at run time.
    """
    tree = parsed(source)
    found = None if tree is None else _find(tree.body, entry_point.split("."))
    if found is None:
        return Focal(source.strip("\n"), "", "", "")
    lines = source.replace("\r\n", "\n").replace("\r", "\n").split("\n")  # as `ast` counts them; splitlines knows more ends
    first, last = _span(found)
    focal = textwrap.dedent("\n".join(lines[first - 1 : last])).strip("\n")
    if not isinstance(found, _DEFINITIONS):
        return Focal(focal, _without(lines, first, last), "", "")
    return Focal(focal, _without(lines, first, last), _signature(found), ast.get_docstring(found) or "")


def parsed(code: str) -> ast.Module | None:
    """The tree, or None. Code of a model or a data set can be anything: null bytes, bad escapes, a thousand brackets."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            return ast.parse(code)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


def _find(body: Sequence[ast.stmt], path: Sequence[str]) -> ast.stmt | None:
    """The last statement that binds the name at the end of a path."""
    bound = [node for node in _flat(body) if path[0] in _names(node)]
    if not bound or len(path) == 1:
        return bound[-1] if bound else None
    inside = bound[-1]
    return _find(inside.body, path[1:]) if isinstance(inside, _DEFINITIONS) else None


def _flat(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a block and of the branches in it (if, try, with, for), but not of definitions."""
    for node in body:
        yield node
        if not isinstance(node, _DEFINITIONS):
            for part in ("body", "orelse", "finalbody"):
                yield from _flat(getattr(node, part, ()))
            for handler in getattr(node, "handlers", ()):
                yield from _flat(handler.body)


def _names(node: ast.stmt) -> tuple[str, ...]:
    if isinstance(node, _DEFINITIONS):
        return (node.name,)
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return tuple(target.id for target in targets if isinstance(target, ast.Name))


def _span(node: ast.stmt) -> tuple[int, int]:
    """First and last line, from 1; decorators stand before the line of the definition itself."""
    decorators = getattr(node, "decorator_list", [])
    return min(d.lineno for d in (*decorators, node)), node.end_lineno or node.lineno


def _without(lines: Sequence[str], first: int, last: int) -> str:
    """The module without some lines. A block that they leave empty gets ``...``, so that the rest still parses."""
    before, after = [*lines[: first - 1]], [*lines[last:]]
    rest = "\n".join([*before, *after])
    if parsed(rest) is None:
        head = lines[first - 1]
        rest = "\n".join([*before, head[: len(head) - len(head.lstrip())] + "...", *after])
    return rest.strip("\n")


def _signature(node: Definition) -> str:
    """The head of a definition, written by `ast`, so on one line whatever its layout was."""
    bare = copy(node)
    bare.body, bare.decorator_list = [ast.Pass()], []
    return ast.unparse(bare).removesuffix("pass").rstrip().removesuffix(":")
