"""Owns the way from a row's column to the texts that are meant: nested values, JSON strings, fenced code. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping as Values
from typing import Any

from harness.data.mapping.model import Taken
from harness.data.sources.fields import MAX_CODE

_FENCE = re.compile(r"^[ \t]*```[ \t]*([\w+.-]*)[^\n]*\n(.*?)^[ \t]*```", re.DOTALL | re.MULTILINE)
_LANGUAGES = frozenset(["", "python", "python3", "py", "py3"])
_MOST = 1000  # texts out of one row: more is no list of tests


class TakeError(ValueError):
    """Why a column does not give what the mapping says, in words."""


def texts(taken: Taken, values: Values[str, Any]) -> list[str]:
    """The texts of one row, in order; at least one.

    Raises:
        TakeError: the column is missing or empty, the JSON does not parse, the path leads nowhere, or to no text.
    """
    if taken.column not in values:
        raise TakeError(f"there is no column {taken.column!r}")
    value = values[taken.column]
    if value is None:
        raise TakeError(f"{taken.column!r} is empty")
    if taken.take == "json" and isinstance(value, str | bytes):
        value = parsed(value, taken.column)
    found = [text for text in walked(value, taken.path) if isinstance(text, str) and text.strip()][:_MOST]
    if not found:
        kind = "empty" if value in ("", [], {}) else f"{type(value).__name__}, no text"
        raise TakeError(f"{taken.place!r} is {kind}")
    if taken.take == "code":
        found = [block for text in found for block in fenced(text)]
        if not found:
            raise TakeError(f"{taken.place!r} holds no fenced block of Python")
    for text in found:
        if len(text) > MAX_CODE:
            raise TakeError(f"{taken.place!r} has {len(text):,} characters; at most {MAX_CODE:,} are parsed")
        if not _is_utf8(text):
            raise TakeError(f"{taken.place!r} holds half a character (a lone surrogate)")
    return [tidy(text) for text in found]


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def parsed(value: str | bytes, column: str) -> Any:
    """A JSON string's value.

    Raises:
        TakeError: if it does not parse.
    """
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as error:
        raise TakeError(f"the JSON string in {column!r} does not parse: {error}") from error


def walked(value: Any, path: str) -> list[Any]:
    """What a path leads to: nothing where a step is missing, several values behind a ``*``."""
    found = [value]
    for step in path.split(".") if path else []:
        found = [inner for outer in found for inner in _step(outer, step)]
    return found


def _step(value: Any, step: str) -> list[Any]:
    if isinstance(value, Values):
        return list(value.values()) if step == "*" else [value[step]] if step in value else []
    if isinstance(value, list | tuple):
        if step == "*":
            return list(value)
        return [value[int(step)]] if step.isascii() and step.isdigit() and len(step) < 9 and int(step) < len(value) else []
    return []


def fenced(text: str) -> list[str]:
    """The fenced blocks of a text that say Python, or say nothing."""
    return [body for language, body in _FENCE.findall(text) if language.lower() in _LANGUAGES and body.strip()]


def tidy(text: str) -> str:
    """LF line ends, no BOM, one line end at the end: the same code from Windows and from here is the same record."""
    return text.replace("\r\n", "\n").replace("\r", "\n").lstrip("\ufeff").strip("\n").rstrip() + "\n"
