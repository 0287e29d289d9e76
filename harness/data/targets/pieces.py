"""Owns the taking apart of what a model wrote: each test into the smallest parts that check something by themselves. Pure.

A small model writes five asserts of which one is wrong; taken apart, four are left. What is kept is put together again by
`harness.data.targets.tests`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from harness.core.focal import parsed
from harness.data.suites.collected import is_test_class, is_test_function
from harness.data.suites.groups import independent_parts
from harness.data.suites.straight import straight_tests
from harness.data.suites.syntax import cloned
from harness.data.targets.around import Around, Needs
from harness.data.targets.tidying import tidied

FIXTURES = frozenset({"capsys", "caplog", "monkeypatch", "recwarn", "tmp_path"})
"""Of pytest: a test that takes one of them is left as it is."""

_DEFINED = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
MAX_PIECES = 120
"""Of one function; what a model repeats on and on is cut off."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Part of a test that a model wrote, able to stand as a test of its own.

    Attributes:
        origin: Number of the sample, and of the test in it.
        name: Of the test in the sample.
        part: Which part of the test.
        statements: Of that part.
        picked: Positions of those that belong to the piece, ascending.
        needs: What the piece takes from outside.
        fixtures: Parameters of the test.
        observed: Whether its expected value is the code's, not the model's.
    """

    origin: tuple[int, int]
    name: str
    part: int
    statements: tuple[ast.stmt, ...]
    picked: tuple[int, ...]
    needs: Needs
    fixtures: tuple[str, ...] = ()
    observed: bool = False

    @property
    def body(self) -> list[ast.stmt]:
        """The statements, as short as they can be said."""
        return tidied([self.statements[at] for at in self.picked])

    @property
    def text(self) -> str:
        """What is the same for equal pieces."""
        return "\n".join(map(ast.unparse, self.body)) + "".join(f"\n{name}" for name in self.fixtures)


def pieces_of(samples: Sequence[str], around: Around) -> list[Piece]:
    """Every distinct piece of the samples, in order.

    Args:
        samples: Suites as a model wrote them.
        around: What the function's module offers.
    """
    found: dict[str, Piece] = {}
    for number, code in enumerate(samples):
        tree = parsed(code)
        for at, (name, bodies, fixtures) in enumerate(_tests(tree) if tree is not None else ()):
            for piece in _pieces((number, at), name, bodies, fixtures):
                needs = around.needs(piece.body, tree.body if tree is not None else (), piece.fixtures)
                if needs is not None:
                    found.setdefault(piece.text, replace(piece, needs=needs))
    return list(found.values())[:MAX_PIECES]


def weaker(piece: Piece) -> list[Piece]:
    """A piece that checks several things as several that check one; empty for one that does not."""
    checks = [at for at in piece.picked if isinstance(piece.statements[at], ast.Assert)]
    if len(checks) < 2:
        return []
    setup = [at for at in piece.picked if at not in checks]
    return [replace(piece, picked=tuple(sorted([*(s for s in setup if s < check), check]))) for check in checks]


def count_tests(samples: Sequence[str]) -> int:
    """Distinct tests that a model wrote."""
    trees = [tree for code in samples if (tree := parsed(code)) is not None]
    return len({ast.dump(ast.Module(body, [])) for tree in trees for body in _written(tree)})


def _written(tree: ast.Module) -> Iterator[list[ast.stmt]]:
    for node in tree.body:
        if is_test_function(node) and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.body
        elif is_test_class(node) and isinstance(node, ast.ClassDef):
            yield from (s.body for s in node.body if isinstance(s, ast.FunctionDef) and s.name.startswith("test"))
    if loose := _loose(tree):
        yield loose


def _tests(tree: ast.Module) -> Iterator[tuple[str, list[list[ast.stmt]], tuple[str, ...]]]:
    """Name, bodies (several for literal cases) and fixtures of every test."""
    for node in tree.body:
        if is_test_class(node) and isinstance(node, ast.ClassDef):
            for method in [s for s in node.body if isinstance(s, ast.FunctionDef) and s.name.startswith("test")]:
                others = [s for s in node.body if not (isinstance(s, ast.FunctionDef) and s.name.startswith("test"))]
                alone = cloned(node)
                alone.body = [*map(cloned, others), cloned(method)]
                yield method.name, list(straight_tests(ast.Module([alone], []))), ()
        elif is_test_function(node) and isinstance(node, ast.FunctionDef):
            arguments = tuple(argument.arg for argument in node.args.args)
            if arguments and not node.decorator_list and FIXTURES.issuperset(arguments):
                yield node.name, [node.body], arguments
            else:
                yield node.name, list(straight_tests(ast.Module([node], []))), ()
    if loose := _loose(tree):
        yield "test", [loose], ()


def _loose(tree: ast.Module) -> list[ast.stmt]:
    """What stands outside of any function and checks something: a test in all but name."""
    loose = [node for node in tree.body if not isinstance(node, _DEFINED)]
    return loose if any(isinstance(node, ast.Assert) for node in loose) else []


def _pieces(origin: tuple[int, int], name: str, bodies: Iterable[list[ast.stmt]], fixtures: tuple[str, ...]) -> Iterator[Piece]:
    number = 0
    for body in bodies:
        checking = [one for one in body if not _is_remark(one)]
        if not checking:
            continue
        for part in [checking] if fixtures else independent_parts(checking):
            if any(_checks(statement) for statement in part):
                yield Piece(origin, name, number, tuple(part), tuple(range(len(part))), Needs(), fixtures)
                number += 1


def _is_remark(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _checks(statement: ast.stmt) -> bool:
    return any(isinstance(node, ast.Assert | ast.With) for node in ast.walk(statement))
