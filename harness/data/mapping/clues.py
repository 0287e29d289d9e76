"""Owns the look at columns: what every place of the first rows holds, judged by content. Pure; runs nothing.

A place is a column, or a path into its nested values or JSON strings. Which place becomes which field is `propose`'s.
"""

from __future__ import annotations

import ast
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Mapping as Values
from dataclasses import dataclass
from typing import Any, Literal

from harness.data.mapping.model import Taken
from harness.data.mapping.taking import fenced, tidy, walked
from harness.data.mapping.tests_of import called, check_of, focal_names, has_tests, tree_of

ROWS = 100
"""Rows that are looked at."""
_PLACES = 120
_DEPTH = 3
_KEYS = 24
_TEXTS = 12  # of one row: enough to know what a list holds
_CHECK = "check(candidate)"  # HumanEval's way: the tests call whatever they are given
_LONGEST = 100_000  # characters of a text that is parsed


@dataclass(frozen=True, slots=True)
class Clue:
    """What one place holds, as shares (0-1) of the rows that were looked at.

    Attributes:
        taken: The place.
        rows: How many were looked at.
        filled: A text stands there.
        functions: Python that defines a function that is no test.
        tests: Python that holds tests or asserts.
        files: Of the texts, how many are whole test functions or classes rather than bare asserts (share of texts).
        called: Per row, the names that the tests there call.
        defined: Per row, the names that the code there defines.
    """

    taken: Taken
    rows: int
    filled: float
    functions: float
    tests: float
    files: float
    called: tuple[frozenset[str], ...]
    defined: tuple[frozenset[str], ...]

    def agreement(self, source: Clue) -> float:
        """Share of the rows in which the tests here call what `source` defines there."""
        pairs = list(zip(self.called, source.defined, strict=True))
        return sum(bool(names & defined) or _CHECK in names for names, defined in pairs) / max(len(pairs), 1)


def clues(rows: Sequence[Values[str, Any]]) -> list[Clue]:
    """What every place with text in it holds; in the order of the columns."""
    looked = rows[:ROWS]
    return [clue for taken in _places(looked) if (clue := _clue(taken, looked)).filled > 0]


def columns(rows: Iterable[Values[str, Any]]) -> list[str]:
    """Every column of the rows, in order of first sight."""
    return list(dict.fromkeys(name for row in rows for name in row))


def _places(rows: Sequence[Values[str, Any]]) -> Iterator[Taken]:
    count = 0
    for column in columns(rows):
        if not column:
            continue
        values = [row[column] for row in rows if row.get(column) is not None]
        for taken in _of_column(column, values):
            count += 1
            if count > _PLACES:
                return
            yield taken


def _of_column(column: str, values: Sequence[Any]) -> Iterator[Taken]:
    strings = [value for value in values if isinstance(value, str)]
    decoded = [inner for value in strings if (inner := _structure(value)) is not None]
    if decoded and len(decoded) * 2 >= len(strings):
        yield from _paths(column, "json", decoded)
    elif strings:
        yield from _as_text(column, "", strings)
    nested = [value for value in values if isinstance(value, list | tuple | Values)]
    if nested:
        yield from _paths(column, "text", nested)


def _structure(text: str) -> Any:
    """The list or object that a JSON string holds, else None."""
    if text.lstrip()[:1] not in ("[", "{"):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, list | dict) else None


def _paths(column: str, take: Literal["text", "json"], values: Sequence[Any]) -> Iterator[Taken]:
    for path in dict.fromkeys(path for value in values[:20] for path in _leaves(value, (), 0)):
        found = [text for value in values for text in walked(value, path) if isinstance(text, str)]
        if take == "text":
            yield from _as_text(column, path, found)
        else:
            yield Taken(column=column, path=path, take=take)


def _leaves(value: Any, at: tuple[str, ...], depth: int) -> Iterator[str]:
    """Paths to texts; elements of lists count together, as ``*``."""
    if isinstance(value, str) and at:
        yield ".".join(at)
    elif depth < _DEPTH and isinstance(value, Values):
        for key in list(value)[:_KEYS]:
            if isinstance(key, str) and key and "." not in key and key != "*":
                yield from _leaves(value[key], (*at, key), depth + 1)
    elif depth < _DEPTH and isinstance(value, list | tuple):
        for inner in value[:3]:
            yield from _leaves(inner, (*at, "*"), depth + 1)


def _as_text(column: str, path: str, strings: Sequence[str]) -> Iterator[Taken]:
    """As code where most of the texts have a fenced block that is Python, else as they are."""
    blocks = sum(any(tree_of(block) for block in fenced(text[:_LONGEST])) for text in strings)
    take: Literal["code", "text"] = "code" if blocks * 2 >= max(len(strings), 1) else "text"
    yield Taken(column=column, path=path, take=take)


def _clue(taken: Taken, rows: Sequence[Values[str, Any]]) -> Clue:
    looks = [_look(_row_texts(taken, row)) for row in rows]
    count = max(len(rows), 1)
    texts = sum(look.texts for look in looks)
    return Clue(
        taken=taken,
        rows=len(rows),
        filled=sum(look.texts > 0 for look in looks) / count,
        functions=sum(bool(look.defined) for look in looks) / count,
        tests=sum(look.tests > 0 for look in looks) / count,
        files=sum(look.files for look in looks) / max(texts, 1),
        called=tuple(look.called if look.tests else frozenset() for look in looks),
        defined=tuple(look.defined for look in looks),
    )


@dataclass(frozen=True, slots=True)
class _Look:
    """One place of one row."""

    texts: int
    tests: int
    files: int
    called: frozenset[str]
    defined: frozenset[str]


def _row_texts(taken: Taken, row: Values[str, Any]) -> list[str]:
    value = row.get(taken.column)
    if taken.take == "json" and isinstance(value, str):
        value = _structure(value)
    found = [text for text in walked(value, taken.path) if isinstance(text, str) and text.strip()][:_TEXTS]
    return [block for text in found for block in fenced(text)] if taken.take == "code" else found


def _look(found: Sequence[str]) -> _Look:
    trees = [tree for text in found if len(text) <= _LONGEST and (tree := tree_of(tidy(text))) is not None]
    names = [name for tree in trees for name in focal_names(tree) if name != "check"]
    calls: Counter[str] = Counter()
    for tree in trees:
        calls.update(called(tree))
    tests = [tree for tree in trees if has_tests(tree)]
    calls.update([_CHECK] if any(check_of(tree) for tree in tests) else [])
    return _Look(
        texts=len(found),
        tests=len(tests),
        files=sum(not all(isinstance(node, ast.Assert) for node in tree.body) for tree in tests),
        called=frozenset(calls),
        defined=frozenset(name.rpartition(".")[2] for name in names),
    )
