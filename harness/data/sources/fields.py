"""Owns how layouts look at single values of a row, and how a wrong one is put into words. Pure."""

from __future__ import annotations

import ast
import reprlib
from collections.abc import Callable, Mapping
from typing import Any

from harness.data.sources.rows import Broken, Item, Row
from harness.data.suites.syntax import parse

MAX_CODE = 1 << 20
"""Characters of one piece of code that is parsed. A syntax tree takes some hundred times the bytes of its text."""

_SHOWN = 60  # characters of a value in a message
_COLUMNS = 12  # names of columns in a message


class FieldError(ValueError):
    """A value that a layout cannot use: which column, what is there, and what may be there."""

    def __init__(self, field: str, found: str, allowed: str) -> None:
        super().__init__(found)
        self.field, self.found, self.allowed = field, found, allowed

    def at(self, place: str) -> Broken:
        """The same as an item."""
        return Broken(place, printable(self.found), self.allowed, self.field)


def judged(read: Callable[[Row], Item], row: Row) -> Item:
    """What a layout reads out of a row, or the value in it that it cannot use."""
    try:
        return read(row)
    except FieldError as error:
        return error.at(row.place)


def shown(value: object) -> str:
    """A value in short, safe to print: at most some 60 characters, whatever its size or depth."""
    if isinstance(value, str):
        return repr(value if len(value) <= _SHOWN else value[:_SHOWN] + "...")
    return reprlib.repr(value)


def printable(text: str) -> str:
    """A text with escapes for what would move the cursor, or colour the terminal, of whoever reads the message."""
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def columns_text(columns: Mapping[str, object]) -> str:
    """The names of columns, in their order; the first dozen of many."""
    names = [printable(name if len(name) <= _SHOWN else name[:_SHOWN] + "...") for name in list(columns)[:_COLUMNS]]
    rest = len(columns) - len(names)
    return (", ".join(names) or "none") + (f" and {rest} more" if rest else "")


def require(row: Row, names: tuple[str, ...]) -> None:
    """Refuse a row that lacks a column, or has nothing in it.

    Raises:
        FieldError: for the first of `names` that is missing or null.
    """
    missing = next((name for name in names if row.values.get(name) is None), None)
    if missing is not None:
        word = "null" if missing in row.values else "missing"
        found = f"the field `{missing}` is {word}; there are {columns_text(row.values)}"
        raise FieldError(missing, found, f"{', '.join(names)} in every row")


def text(row: Row, name: str) -> str:
    """The text in a column.

    Raises:
        FieldError: if there is something else.
    """
    value = row.values[name]
    if not isinstance(value, str):
        raise FieldError(name, f"`{name}` is {shown(value)}", "a text")
    return value


def tree(name: str, code: str, allowed: str = "Python code") -> ast.Module:
    """The syntax tree of the code in a column.

    Raises:
        FieldError: if it is not Python, or too long to be parsed.
    """
    if len(code) > MAX_CODE:
        raise FieldError(name, f"`{name}` has {len(code):,} characters", f"at most {MAX_CODE:,} characters of code")
    try:
        return parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:  # the last two: too deep for Python's own parser
        raise FieldError(name, f"`{name}` is not Python: {error or type(error).__name__}", allowed) from error


def texts(row: Row, name: str) -> list[str]:
    """The list of texts in a column.

    Raises:
        FieldError: if there is something else.
    """
    value: Any = row.values[name]
    if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
        raise FieldError(name, f"`{name}` is {shown(value)}", "a list of texts")
    return list(value)


def optional_text(row: Row, *names: str) -> str | None:
    """The first of the columns that holds a text with something in it; other values count as absent."""
    found = (row.values.get(name) for name in names)
    return next((value for value in found if isinstance(value, str) and value.strip()), None)
