"""Owns the step from a test, method or function, to the plain statements it runs: no ``self``, no loop over a literal. Pure.

What cannot be said plainly is left out; the suite itself still holds it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence

from harness.data.suites.cases import Case, is_constant, loop_cases, parametrized
from harness.data.suites.collected import is_test_class, is_test_function, methods
from harness.data.suites.syntax import cloned, dotted, walked
from harness.data.suites.unittest_asserts import plain_check, raises_context

MAX_STATEMENTS = 200
"""Of one test after its loops are unrolled; a longer one is no example of a short test."""
_SETUPS = ("setUpClass", "setup_class", "setUp", "setup_method", "setup")


def straight_tests(tree: ast.Module) -> Iterator[list[ast.stmt]]:
    """The body of every test whose statements can stand in a function without parameters, as new trees."""
    for node in tree.body:
        if is_test_function(node) and isinstance(node, ast.FunctionDef):
            yield from _bodies(node, [], {}, "")
        elif is_test_class(node) and isinstance(node, ast.ClassDef):
            yield from _of_class(node)


def _of_class(node: ast.ClassDef) -> Iterator[list[ast.stmt]]:
    fields, before = _state(node)
    for method in methods(node):
        if isinstance(method, ast.FunctionDef) and method.args.args:
            yield from _bodies(method, before, fields, method.args.args[0].arg)


def _state(node: ast.ClassDef) -> tuple[dict[str, str], list[ast.stmt]]:
    """Attribute -> the local name it becomes, and the statements that set them before a test, in order of running."""
    before: list[ast.stmt] = [s for s in node.body if isinstance(s, ast.Assign) and isinstance(s.targets[0], ast.Name)]
    fields = {name.id for statement in before for name in walked([statement]) if _is_stored(name) and isinstance(name, ast.Name)}
    taken = {inner.id for inner in walked([node]) if isinstance(inner, ast.Name)} - fields
    owned = {m.name: m for m in node.body if isinstance(m, ast.FunctionDef) and m.args.args}
    for method in owned.values():
        stored = (inner for inner in walked(method.body) if _is_stored(inner))
        fields |= {name for inner in stored if (name := _field(inner, method.args.args[0].arg))}
    for method in (owned[name] for name in _SETUPS if name in owned):
        before += [_Renamed({}, {method.args.args[0].arg: "self"}).visit(cloned(s)) for s in method.body]
    return {name: f"{name}_" if name in taken else name for name in fields}, before


def _is_stored(node: ast.AST) -> bool:
    return isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store)


def _field(node: ast.AST, owner: str) -> str:
    """``x`` of ``self.x``; empty for any other node."""
    return node.attr if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == owner else ""


def _bodies(node: ast.FunctionDef, before: Sequence[ast.stmt], fields: Mapping[str, str], owner: str) -> Iterator[list[ast.stmt]]:
    """One body for each case of a test; none where it takes fixtures or is decorated otherwise."""
    parameters = [argument.arg for argument in node.args.args[1 if owner else 0 :]]
    cases = parametrized(node, parameters)
    if cases is None or node.args.vararg or node.args.kwonlyargs or node.args.kwarg:
        return
    for case in cases:
        body: list[ast.stmt] = [_Renamed(fields, {}, "self").visit(cloned(s)) for s in before]
        own = [_Renamed(fields, {}, owner).visit(cloned(s)) for s in node.body] if fields else node.body
        body += _filled(own, case) if case else own
        flat = list(_flat(body, owner or "self", {}))
        if len(flat) <= MAX_STATEMENTS:
            caught = {
                v.id for s in flat if isinstance(s, ast.With) for i in s.items if isinstance(v := i.optional_vars, ast.Name)
            }
            yield [_Caught(caught).visit(s) for s in flat] if caught else flat


def _filled(body: Sequence[ast.stmt], case: Case) -> list[ast.stmt]:
    """A copy of the statements for one case; only what cannot change is put in directly, the rest is assigned before."""
    stored = {n.id for s in body for n in ast.walk(s) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    direct = {name: value for name, value in case.items() if name not in stored and is_constant(value)}
    first: list[ast.stmt] = [
        ast.Assign([ast.Name(name, ast.Store())], cloned(value), lineno=0) for name, value in case.items() if name not in direct
    ]
    return [*first, *(_Renamed({}, direct).visit(cloned(s)) for s in body)]


class _Caught(ast.NodeTransformer):
    """``context.exception`` of unittest as ``context.value`` of pytest."""

    def __init__(self, names: set[str]) -> None:
        self._names = names

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        self.generic_visit(node)
        if node.attr == "exception" and isinstance(node.value, ast.Name) and node.value.id in self._names:
            node.attr = "value"
        return node


class _Renamed(ast.NodeTransformer):
    """Attributes of the test case as local names, and names as what a case puts for them."""

    def __init__(self, fields: Mapping[str, str], values: Mapping[str, ast.expr | str], owner: str = "") -> None:
        self._fields = fields
        self._values = values
        self._owner = owner

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        if self._owner and _field(node, self._owner) in self._fields:
            return ast.Name(self._fields[node.attr], node.ctx)
        self.generic_visit(node)
        return node

    def visit_Name(self, node: ast.Name) -> ast.expr:
        value = self._values.get(node.id)
        if isinstance(value, str):
            return ast.Name(value, node.ctx)
        return cloned(value) if value is not None and isinstance(node.ctx, ast.Load) else node


def _flat(body: Iterable[ast.stmt], owner: str, known: dict[str, ast.expr]) -> Iterator[ast.stmt]:
    """The statements with blocks of sub-tests opened, loops over literals unrolled, assertion methods made plain.

    Args:
        body: Statements of one block.
        owner: What the test case goes by.
        known: Local names that stand for a literal; filled on the way.
    """
    for statement in body:
        if isinstance(statement, ast.With):
            yield from _with(statement, owner, known)
        elif isinstance(statement, ast.For) and (cases := loop_cases(statement, known)) is not None:
            for case in cases:
                yield from _flat(_filled(statement.body, case), owner, known)
        elif isinstance(statement, ast.Expr):
            yield from _expression(statement, owner)
        elif isinstance(statement, ast.Assert):
            yield ast.Assert(statement.test, None)
        elif not isinstance(statement, ast.Pass):
            _learn(statement, known)
            yield statement


def _with(statement: ast.With, owner: str, known: dict[str, ast.expr]) -> Iterator[ast.stmt]:
    context = statement.items[0].context_expr
    if len(statement.items) > 1:
        yield statement
    elif _is_call(context, f"{owner}.subTest"):
        yield from _flat(statement.body, owner, known)
    elif (raises := raises_context(context, owner)) is not None:
        yield ast.With([ast.withitem(raises, statement.items[0].optional_vars)], statement.body, lineno=0)
    else:
        yield statement


def _expression(statement: ast.Expr, owner: str) -> Iterator[ast.stmt]:
    value = statement.value
    if not isinstance(value, ast.Call):
        yield from () if isinstance(value, ast.Constant | ast.Name) else (statement,)
    elif not (_is_call(value, "print") or _is_super(value)):
        yield plain_check(value, owner) or statement


def _is_call(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Call) and dotted(node.func) == name


def _is_super(call: ast.Call) -> bool:
    """Whether it is ``super().setUp()``, whose body stands in the same class or does nothing."""
    return isinstance(call.func, ast.Attribute) and call.func.attr in _SETUPS and _is_call(call.func.value, "super")


def _learn(statement: ast.stmt, known: dict[str, ast.expr]) -> None:
    """Remember ``name = [literal, ...]``; forget a name that is bound in any other way."""
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            known.pop(node.id, None)
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1 and isinstance(statement.targets[0], ast.Name):
        known[statement.targets[0].id] = statement.value
