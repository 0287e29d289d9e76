"""Owns the text of a function with all taken out that a copyist changes first: names, comments, docstrings, annotations, layout.

Two functions with one normal form are type-2 clones. How alike two different forms are is `near_duplicates`' business. Pure.
"""

from __future__ import annotations

import ast
import builtins
import hashlib

from harness.data.suites.syntax import parse

_BUILTINS = frozenset(dir(builtins))
_Function = ast.FunctionDef | ast.AsyncFunctionDef


def clone_digest(source: str) -> str:
    """sha256, hex, of a module with names, comments, docstrings, annotations and layout taken out (type-2 clones are equal).

    Source: the clone types are those of Roy & Cordy 2007, "A Survey on Software Clone Detection Research".

    Raises:
        SyntaxError: if `source` is not Python, or too deeply nested to be looked at.
    """
    return digest_of(normal_forms(source)[0])


def digest_of(form: str) -> str:
    """sha256, hex, of a normal form."""
    return hashlib.sha256(form.encode("utf-8", "surrogatepass")).hexdigest()


def normal_forms(source: str, entry_point: str = "") -> tuple[str, ...]:
    """The normal form of a module and, where it is another one, that of the focal function alone.

    The second finds a copy that has other imports or helpers around it.

    Args:
        source: The module.
        entry_point: Name of the focal function, or ``Class.method``; empty, or not there: the module alone.

    Raises:
        SyntaxError: if `source` is not Python, or too deeply nested to be looked at.
    """
    try:
        tree = parse(source)
        focal = _find(tree, entry_point) if len(tree.body) > 1 or "." in entry_point else None
        # Before the module: normalising changes the tree.
        alone = [] if focal is None else [_form(parse(ast.unparse(focal)))]
        return tuple(dict.fromkeys((_form(tree), *alone)))
    except (RecursionError, MemoryError, ValueError) as error:
        raise SyntaxError(f"cannot be normalised: {type(error).__name__}") from error


def _form(tree: ast.AST) -> str:
    # unparse and not dump: dump's text changed between Python 3.12 and 3.13, and with it every split would.
    return ast.unparse(_Normalise().visit(tree))


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
    """Numbers every name that is no builtin by first appearance; drops docstrings and annotations."""

    def __init__(self) -> None:
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
        if name in _BUILTINS:
            return name
        return self._names.setdefault(name, f"v{len(self._names)}")


def _without_docstring(node: _Function | ast.ClassDef | ast.Module) -> list[ast.stmt]:
    has_one = ast.get_docstring(node, clean=False) is not None
    return node.body[1:] or [ast.Pass()] if has_one else node.body
