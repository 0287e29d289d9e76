"""Owns the cutting of a test's statements into parts that need nothing of each other, and the shortening of each. Pure."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence

from harness.data.suites.names import loaded_names
from harness.data.suites.syntax import bound_names, cloned, walked

MAX_INLINED = 92
"""Characters of a statement after a value is put where its only name stood."""
_PLAIN_CALLS = frozenset(["abs", "bool", "float", "int", "isinstance", "len", "list", "round", "set", "sorted", "str", "tuple"])
_BINDING = ast.NamedExpr | ast.Yield | ast.YieldFrom


def independent_parts(body: Sequence[ast.stmt]) -> list[list[ast.stmt]]:
    """The statements in parts, each with every statement that touches the same local values; order is kept.

    ``name = value`` begins a new value, so that a name used again and again ties nothing together. A statement that touches no
    local name and checks nothing (``random.seed(0)``) may matter to all: then there is one part.
    """
    if len(body) == 1:
        return [list(body)]
    keys = list(_keys(body))
    if any(not key and not _checks(statement) for key, statement in zip(keys, body, strict=True)):
        return [list(body)]
    part_of: dict[tuple[str, int], int] = {}
    parts: list[list[int]] = []
    for index, key in enumerate(keys):
        joined = {part_of[value] for value in key if value in part_of}
        merged = sorted([index, *(i for number in joined for i in parts[number])])
        for number in joined:
            parts[number] = []
        parts.append(merged)
        for value in {*key, *(value for value, number in part_of.items() if number in joined)}:
            part_of[value] = len(parts) - 1
    return [[body[index] for index in part] for part in sorted(part for part in parts if part)]


def _keys(body: Sequence[ast.stmt]) -> Iterator[set[tuple[str, int]]]:
    """The local values that each statement touches: a name, and how often it was assigned anew."""
    bound = [set(bound_names([statement])) for statement in body]
    local = set().union(*bound)
    version = dict.fromkeys(local, 0)
    for statement, written in zip(body, bound, strict=True):
        read = set(loaded_names([statement])) & local if local else set()
        touched = {(name, version[name]) for name in read}
        for name in written:
            if isinstance(statement, ast.Assign) and name not in read:
                version[name] += 1
            touched.add((name, version[name]))
        yield touched


def _checks(statement: ast.stmt) -> bool:
    return any(isinstance(node, ast.Assert | ast.With) for node in walked([statement]))


def shortened(part: Sequence[ast.stmt]) -> list[ast.stmt]:
    """The part with values put in where their name is read once: ``x = f(1); assert x == 2`` as ``assert f(1) == 2``.

    A literal may move over other assignments; any other value only into the next statement, and only if it comes first there and
    nothing else is called.
    """
    statements = list(part)
    index = 0
    while index < len(statements):
        inlined = _inlined(statements, index)
        if inlined is None:
            index += 1
        else:
            statements = inlined
            index = 0
    return statements


def _inlined(statements: list[ast.stmt], index: int) -> list[ast.stmt] | None:
    name, value = assigned(statements[index])
    if value is None:
        return None
    others = statements[:index] + statements[index + 1 :]
    if name in set(bound_names(others)) or list(loaded_names(statements)).count(name) != 1 or _mentions(others, name) != 1:
        return None
    place = next((k for k in range(index + 1, len(statements)) if name in loaded_names([statements[k]])), None)
    if place is None or not _may_move(value, statements[index + 1 : place], statements[place], name):
        return None
    changed = _Put(name, value).visit(cloned(statements[place]))
    if len(ast.unparse(changed)) > MAX_INLINED:
        return None
    return [*statements[:index], *statements[index + 1 : place], changed, *statements[place + 1 :]]


def assigned(statement: ast.stmt) -> tuple[str, ast.expr | None]:
    """Name and value of ``name = value``; no value for any other statement."""
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1 and isinstance(statement.targets[0], ast.Name):
        return statement.targets[0].id, statement.value
    return "", None


def _may_move(value: ast.expr, between: Iterable[ast.stmt], place: ast.stmt, name: str) -> bool:
    if not isinstance(place, ast.Assert | ast.Assign) or _in_scope_of_its_own(place, name):
        return False
    if is_literal(value):
        return all(assigned(statement)[1] is not None for statement in between)
    if list(between) or any(isinstance(node, _BINDING) for node in walked([value])):
        return False
    calls = (node for node in walked([place]) if isinstance(node, ast.Call))
    plain = all(isinstance(c.func, ast.Name) and c.func.id in _PLAIN_CALLS for c in calls)
    return plain and _comes_first(place.test if isinstance(place, ast.Assert) else place.value, name) is True


def _comes_first(node: ast.AST, name: str) -> bool | None:
    """Whether the name is computed before all else but literals; None where there are only literals."""
    if isinstance(node, ast.Name):
        return True if node.id == name else (None if node.id in _PLAIN_CALLS else False)
    if not isinstance(node, ast.expr | ast.keyword) or is_literal(node):
        return None
    return next((found for child in _surely_computed(node) if (found := _comes_first(child, name)) is not None), False)


def _surely_computed(node: ast.AST) -> Sequence[ast.AST]:
    """The parts of an expression that are computed whatever the others are, in order."""
    if isinstance(node, ast.BoolOp):
        return node.values[:1]
    if isinstance(node, ast.IfExp):
        return [node.test]
    if isinstance(node, ast.Compare):
        return [node.left, node.comparators[0]]
    return [] if isinstance(node, ast.Dict) else list(ast.iter_child_nodes(node))


def is_literal(node: ast.AST) -> bool:
    """Whether an expression needs nothing but itself: no names, no calls."""
    return not any(isinstance(inner, ast.Name | ast.Call | ast.Attribute | _BINDING) for inner in walked([node]))


def _mentions(statements: Iterable[ast.stmt], name: str) -> int:
    """How often a name is read, written or deleted, in functions inside too."""
    return sum(isinstance(node, ast.Name) and node.id == name for node in walked(statements))


def _in_scope_of_its_own(place: ast.stmt, name: str) -> bool:
    """Whether the name is read where a value would be computed again and again."""
    scopes = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
    return any(isinstance(node, scopes) and name in loaded_names([node]) for node in walked([place]))


class _Put(ast.NodeTransformer):
    def __init__(self, name: str, value: ast.expr) -> None:
        self._name = name
        self._value = value

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self._value if node.id == self._name and isinstance(node.ctx, ast.Load) else node
