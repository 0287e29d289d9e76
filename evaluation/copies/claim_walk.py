"""Walks a suite in the order it runs, counts what it claims, and leaves out the claims that are already known. Pure.

Owns the rewriting of statements. Does not decide which tests are worth keeping afterwards.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterable, Mapping, Sequence

from evaluation.copies.claims import FOCAL, NODE_COST, Reader, called_name
from evaluation.copies.scope import FOCAL_NAME, Scope

EXPECTS_ERROR = frozenset({"raises", "warns", "deprecated_call", "assertRaises", "assertRaisesRegex", "assertWarns"})
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
Definition = ast.FunctionDef | ast.AsyncFunctionDef
Positions = Mapping[str, set[int]]


def handed_to(tree: ast.Module, entry_point: str) -> Positions:
    """Function of the suite -> positions at which the focal function is passed to it, as in ``check(candidate)``."""
    aliases, places = {entry_point}, dict[str, set[int]]()
    for node in ast.walk(tree):
        if isinstance(node, ast.alias) and node.name == entry_point and node.asname:
            aliases.add(node.asname)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            found = {place for place, part in enumerate(node.args) if isinstance(part, ast.Name) and part.id in aliases}
            if found:
                places.setdefault(node.func.id, set()).update(found)
    return places


class ClaimWalk:
    """One pass over a suite. The tree stays as it is: what differs is copied.

    Args:
        reader: Shared by all passes over one suite, which bounds their work together.
        known: Claims to leave out.
        handed: From `handed_to`.

    Attributes:
        asserts: Assertions about the focal function so far.
        copied: How many of them are known.
    """

    def __init__(self, reader: Reader, known: frozenset[str], handed: Positions) -> None:
        self._reader = reader
        self._known = known
        self._handed = handed
        self.asserts = 0
        self.copied = 0

    def block(self, body: Iterable[ast.stmt], scope: Scope) -> list[ast.stmt]:
        """What is left of some statements; `scope` is brought up to date.

        Raises:
            TooMuchWorkError: if the suite is too large to follow.
        """
        return [kept for statement in body for kept in self._statement(statement, scope)]

    def _statement(self, node: ast.stmt, scope: Scope) -> list[ast.stmt]:
        self._reader.spend(NODE_COST)
        match node:
            case ast.Assert():
                return self._assert(node, scope)
            case ast.Expr(value=ast.Call() as call):
                return self._expression(node, call, scope)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                return self._function(node, scope)
            case ast.ClassDef():
                return self._nested(node, scope.inner())
            case ast.For() | ast.AsyncFor() | ast.While():
                return self._loop(node, scope)
            case ast.With() | ast.AsyncWith():
                return self._with(node, scope)
            case ast.If() | ast.Try():
                return self._branches(node, scope)
        scope.remember(node)
        return [node]

    def _assert(self, node: ast.Assert, scope: Scope) -> list[ast.stmt]:
        match node.test:
            case ast.BoolOp(op=ast.And(), values=parts):
                pass
            case _:
                parts = [node.test]
        left = [part for part in parts if not self._is_known(self._reader.says(part, scope.names))]
        if len(left) == len(parts):
            return [node]
        return [ast.Assert(left[0] if len(left) == 1 else ast.BoolOp(ast.And(), left), node.msg)] if left else []

    def _expression(self, node: ast.Expr, call: ast.Call, scope: Scope) -> list[ast.stmt]:
        said = self._reader.says_call(call, scope.names)
        if said is not None:
            return [] if self._is_known(said) else [node]
        if called_name(call) != "print":  # any other function may change what it is given
            scope.forget(scope.mentioned(call))
        return [node]

    def _is_known(self, said: str) -> bool:
        known = said in self._known
        self.asserts += FOCAL in said
        self.copied += known
        return known

    def _function(self, node: Definition, scope: Scope) -> list[ast.stmt]:
        inner = scope.inner()
        for place, argument in enumerate([*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]):
            inner.names.pop(argument.arg, None)
            if place in self._handed.get(node.name, ()):
                inner.names[argument.arg] = FOCAL_NAME
        tables = [mark for mark in node.decorator_list if isinstance(mark, ast.Call) and called_name(mark) == "parametrize"]
        if len(tables) != 1 or len(tables[0].args) < 2:
            return self._nested(node, inner)
        rows = scope.rows(tables[0].args[1])
        return self._nested(node, inner) if rows is None else self._parametrized(node, tables[0], rows, inner)

    def _parametrized(self, node: Definition, table: ast.Call, rows: Sequence[ast.expr], scope: Scope) -> list[ast.stmt]:
        left = self._rows_left(rows, _columns(table.args[0]), node.body, scope)
        if len(left) == len(rows):
            return [node]
        # The ids, one for each row, would no longer fit.
        words = [word for word in table.keywords if word.arg != "ids"]
        shorter = ast.Call(table.func, [table.args[0], ast.List(left, ast.Load()), *table.args[2:]], words)
        shell = copy.copy(node)
        shell.decorator_list = [shorter if mark is table else mark for mark in node.decorator_list]
        return [shell] if left else []

    def _loop(self, node: ast.For | ast.AsyncFor | ast.While, scope: Scope) -> list[ast.stmt]:
        rows = None if isinstance(node, ast.While) else scope.rows(node.iter)
        scope.forget(scope.stored([node]))  # before the walk: a later round sees what an earlier one stored
        if rows is None or isinstance(node, ast.While):
            return self._nested(node, scope.inner())
        left = self._rows_left(rows, node.target, node.body, scope)
        if len(left) == len(rows):
            return [node]
        shell = copy.copy(node)
        shell.iter = ast.List(left, ast.Load())
        return [shell] if left else node.orelse

    def _rows_left(self, rows: Sequence[ast.expr], target: ast.expr, body: list[ast.stmt], scope: Scope) -> list[ast.expr]:
        """The rows for which the body claims anything that is not known, or nothing at all."""
        left = []
        for row in rows:
            trial, inner = ClaimWalk(self._reader, self._known, self._handed), scope.inner()
            cells = row
            if isinstance(row, ast.Call) and called_name(row) == "param" and row.args:
                cells = ast.Tuple(row.args, ast.Load()) if isinstance(target, ast.Tuple) else row.args[0]
            inner.bind(target, cells)
            trial.block(body, inner)
            self.asserts += trial.asserts
            if trial.asserts and trial.copied == trial.asserts:
                self.copied += trial.copied
            else:
                left.append(row)
        return left

    def _with(self, node: ast.With | ast.AsyncWith, scope: Scope) -> list[ast.stmt]:
        managers = [item.context_expr for item in node.items]
        if any(isinstance(manager, ast.Call) and called_name(manager) in EXPECTS_ERROR for manager in managers):
            scope.remember(node)
            return [node]
        scope.forget(scope.stored(item.optional_vars for item in node.items if item.optional_vars))
        return self._nested(node, scope)

    def _branches(self, node: ast.If | ast.Try, scope: Scope) -> list[ast.stmt]:
        first, second = scope.inner(), scope.inner()
        shell = copy.copy(node)
        shell.body, shell.orelse = self.block(node.body, first), self.block(node.orelse, second)
        scope.join([first, second], scope.stored([node]))
        if not shell.body and shell.orelse:
            shell.body = [ast.Pass()]
        return [shell] if shell.body else []

    def _nested(self, node: ast.stmt, scope: Scope) -> list[ast.stmt]:
        """A statement with a body, less what the body loses; dropped with the last of it, unless it is a function."""
        shell = copy.copy(node)
        body = self.block(getattr(node, "body", []), scope)
        if not body and isinstance(node, DEFINITIONS):
            body = [ast.Pass()]
        shell.__dict__["body"] = body
        return [shell] if body else []


def _columns(names: ast.expr) -> ast.expr:
    """The assignment target that parametrize's first argument stands for."""
    match names:
        case ast.Constant(value=str() as text):
            found = [part.strip() for part in text.split(",") if part.strip()]
        case ast.List(elts=parts) | ast.Tuple(elts=parts):
            found = [str(part.value) for part in parts if isinstance(part, ast.Constant)]
        case _:
            found = []
    stored: list[ast.expr] = [ast.Name(name, ast.Store()) for name in found]
    return stored[0] if len(stored) == 1 and isinstance(names, ast.Constant) else ast.Tuple(stored, ast.Store())
