"""Owns the text of a function with all taken out that a copyist changes first: names, comments, docstrings, annotations, layout.

Two functions with one normal form are type-2 clones. How alike two different forms are is `near_duplicates`' business. Pure.
"""

from __future__ import annotations

import ast
import builtins
import hashlib
from dataclasses import dataclass

from harness.data.suites.syntax import parse

_BUILTINS = frozenset(dir(builtins))
_Function = ast.FunctionDef | ast.AsyncFunctionDef


def clone_digest(source: str) -> str:
    """sha256, hex, of a module with names, comments, docstrings, annotations and layout taken out (type-2 clones are equal).

    Source: the clone types are those of Roy & Cordy 2007, "A Survey on Software Clone Detection Research".

    Raises:
        SyntaxError: if `source` is not Python, or too deeply nested to be looked at.
    """
    return digest_of(normal_forms(source).whole)


def digest_of(form: str) -> str:
    """sha256, hex, of a normal form."""
    return hashlib.sha256(form.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class Forms:
    """What is compared of a function.

    Attributes:
        whole: Normal form of the module.
        focal: Normal form of the focal function alone: finds a copy that has other imports or helpers around it.
        written: Both with their names as they are: finds a copy whose short body is mostly names.
    """

    whole: str
    focal: str
    written: tuple[str, str]


def normal_forms(source: str, entry_point: str = "") -> Forms:
    """The normal forms of a function.

    Args:
        source: The module.
        entry_point: Name of the focal function, or ``Class.method``; empty, or not there: the module stands for it.

    Raises:
        SyntaxError: if `source` is not Python, or too deeply nested to be looked at.
    """
    try:
        tree = parse(source)
        focal = _find(tree, entry_point) if len(tree.body) > 1 or "." in entry_point else None
        text = source if focal is None else ast.unparse(focal)
        written = _form(parse(source), renames=False), _form(parse(text), renames=False)
        return Forms(_form(tree), _form(parse(text)), written)
    except (RecursionError, MemoryError, ValueError) as error:
        raise SyntaxError(f"cannot be normalised: {type(error).__name__}") from error


def _form(tree: ast.AST, *, renames: bool = True) -> str:
    # unparse and not dump: dump's text changed between Python 3.12 and 3.13, and with it every split would.
    return ast.unparse(_Normalise(renames).visit(tree))


def _find(tree: ast.Module, entry_point: str) -> _Function | ast.ClassDef | None:
    """The last definition of that name: the one that an import gets."""
    found: _Function | ast.ClassDef | None = None
    body = tree.body
    for name in entry_point.split("."):
        matches = [node for node in body if isinstance(node, _Function | ast.ClassDef) and node.name == name]
        if not matches:
            return None
        found = matches[-1]
        body = found.body
    return found


class _Normalise(ast.NodeTransformer):
    """Drops docstrings and annotations; numbers every name that is no builtin by first appearance, where it renames."""

    def __init__(self, renames: bool) -> None:
        self._renames = renames
        self._names: dict[str, str] = {}

    def visit_Name(self, node: ast.Name) -> ast.AST:
        node.id = self._renamed(node.id)
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.arg = self._renamed(node.arg)
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        bare = ast.Assign([node.target], node.value) if node.value is not None else ast.Expr(node.target)
        return self.generic_visit(ast.copy_location(bare, node))  # unparse asks an assignment for its line

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._function(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node.name = self._renamed(node.name)
        node.body = _without_docstring(node)
        return self.generic_visit(node)

    def visit_Module(self, node: ast.Module) -> ast.AST:
        node.body = _without_docstring(node)
        return self.generic_visit(node)

    def _function(self, node: _Function) -> ast.AST:
        node.name = self._renamed(node.name)
        node.returns = None
        node.body = _without_docstring(node)
        return self.generic_visit(node)

    def _renamed(self, name: str) -> str:
        if name in _BUILTINS or not self._renames:
            return name
        return self._names.setdefault(name, f"v{len(self._names)}")


def _without_docstring(node: _Function | ast.ClassDef | ast.Module) -> list[ast.stmt]:
    has_one = ast.get_docstring(node, clean=False) is not None
    return node.body[1:] or [ast.Pass()] if has_one else node.body
