"""Owns the putting together of what is kept: pieces of one test to one again, under a name that says what it is about. Pure."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from harness.data.suites.groups import assigned, is_literal
from harness.data.targets.around import Needs
from harness.data.targets.pieces import Piece

MAX_NAME = 60
_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
_EMPTY_WORDS = frozenset(
    [
        "test",
        "tests",
        "function",
        "func",
        "method",
        "case",
        "cases",
        "basic",
        "example",
        "examples",
        "works",
        "concrete",
        "arguments",
        "different",
        "every",
        "time",
    ]
)
"""Say nothing about a test; the last of them are the prompt's, which small models repeat."""


@dataclass(frozen=True, slots=True)
class Test:
    """A test of the file that is written.

    Attributes:
        name: Its name.
        function: What it tests: ``function`` or ``Class.method``.
        statements: Its body.
        needs: What it takes from outside.
        fixtures: Its parameters.
        observed: Whether its expected values are the code's, not the model's.
    """

    __test__ = False  # pytest would collect the name

    name: str
    function: str
    statements: tuple[ast.stmt, ...]
    needs: Needs
    fixtures: tuple[str, ...] = ()
    observed: bool = False


def joined_tests(function: str, pieces: Sequence[Piece]) -> list[Test]:
    """Pieces of the same test together, in the order in which they were written.

    Args:
        function: What they test.
        pieces: Those that are kept.
    """
    groups: dict[tuple[bool, tuple[int, int]], dict[int, list[Piece]]] = {}
    for piece in sorted(pieces, key=lambda one: (one.observed, one.origin, one.part, one.picked)):
        groups.setdefault((piece.observed, piece.origin), {}).setdefault(piece.part, []).append(piece)
    made = [_together(function, [_joined(same) for same in parts.values()]) for parts in groups.values()]
    return distinct(made)


def distinct(tests: Iterable[Test]) -> list[Test]:
    """The tests with names of their own: a number is put behind a name that was there before."""
    seen: set[str] = set()
    found = []
    for test in tests:
        names = (test.name if number == 1 else f"{test.name}_{number}" for number in range(1, len(seen) + 2))
        name = next(name for name in names if name not in seen)
        seen.add(name)
        found.append(replace(test, name=name))
    return found


def _joined(same: Sequence[Piece]) -> Piece:
    """Pieces of one part as one: what they share is said once."""
    needs = same[0].needs
    for piece in same[1:]:
        needs |= piece.needs
    return replace(same[0], picked=tuple(sorted({at for piece in same for at in piece.picked})), needs=needs)


def _together(function: str, parts: Sequence[Piece]) -> Test:
    needs = parts[0].needs
    for part in parts[1:]:
        needs |= part.needs
    statements = tuple(statement for part in parts for statement in part.body)
    name = _name(function, parts[0].name, statements)
    return Test(name, function, tidy(statements), needs, parts[0].fixtures, parts[0].observed)


def tidy(statements: Sequence[ast.stmt]) -> tuple[ast.stmt, ...]:
    """The same statements, a ``name = literal`` once where it follows its like: anything else may do more the second time."""
    found: list[ast.stmt] = []
    for statement in statements:
        value = assigned(statement)[1]
        if not found or value is None or not is_literal(value) or ast.dump(found[-1]) != ast.dump(statement):
            found.append(statement)
    return tuple(found)


def _name(function: str, written: str, statements: Sequence[ast.stmt]) -> str:
    """``test_function_what_it_is_about``; what it is about comes from the model's own name, else from the test."""
    own = _words(function)
    rest = _without(own, [word for word in _words(written) if word not in _EMPTY_WORDS and not word.isdigit()])
    said = [] if set(rest) <= set(own) else rest
    said = said or _raised(statements)
    name = "_".join(["test", *own, *said])
    while len(name) > MAX_NAME and said:
        said = said[:-1]
        name = "_".join(["test", *own, *said])
    return name


def _without(own: Sequence[str], words: Sequence[str]) -> list[str]:
    """The words without the name of the function, or without as much of its end as they hold: ``add`` of ``Cart.add``."""
    for start in range(len(own)):
        name = own[start:]
        for at in range(len(words) - len(name) + 1):
            if list(words[at : at + len(name)]) == list(name):
                return [*words[:at], *words[at + len(name) :]]
    return list(words)


def _raised(statements: Sequence[ast.stmt]) -> list[str]:
    """``raises_value_error`` of a test that does nothing but wait for one."""
    if len(statements) != 1 or not isinstance(statements[0], ast.With):
        return []
    context = statements[0].items[0].context_expr
    if isinstance(context, ast.Call) and context.args and ast.unparse(context.func) == "pytest.raises":
        return ["raises", *_words(ast.unparse(context.args[0]).rpartition(".")[2])]
    return []


def _words(name: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(name)]
