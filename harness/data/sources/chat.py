"""Owns chat-format training data: which text is the request and which the answer, and the code that stands in them. Pure."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Mapping
from typing import Any

from harness.core.records import Record
from harness.data.sources.fenced import bare_code, fenced_blocks
from harness.data.sources.fields import MAX_CODE, FieldError, columns_text, judged, optional_text, shown
from harness.data.sources.focal_names import focal_name
from harness.data.sources.rows import Item, Row
from harness.data.suites.convert import SuiteError, importable_suite, targets_of
from harness.data.suites.syntax import parse

_SHAPES: tuple[tuple[str, ...], ...] = (("messages",), ("prompt", "completion"), ("instruction", "output"))
_ALLOWED = "messages, prompt and completion, or instruction and output"


class Chat:
    """Rows that hold a request with a function and an answer with its tests."""

    name = "chat"

    def matches(self, columns: Mapping[str, type]) -> bool:
        """Whether there are texts, or lists of messages, under one of the three sets of names."""
        return any(all(columns.get(name) in (str, list) for name in shape) for shape in _SHAPES)

    def read(self, row: Row) -> Item:
        """The row as a record, or why there is none in it."""
        return judged(_record, row)


def _record(row: Row) -> Record:
    asked_in, asked, answered_in, answered = _texts(row)
    functions = [found for found in _python(asked) if _defines(found[1])]
    if not functions:
        raise FieldError(asked_in, f"no Python function in the request {shown(asked)}", "a fenced Python block, or bare Python")
    tests = next((found for found in _python(answered) if _tests(found[1])), None)
    if tests is None:
        raise FieldError(answered_in, f"no Python tests in the answer {shown(answered)}", "a fenced Python block, or bare Python")
    source = functions[-1][0].strip() + "\n"
    entry_point = focal_name(functions[-1][1], tests[1])
    if entry_point is None:
        found = "the tests neither import nor call a function that the request defines"
        raise FieldError(answered_in, found, "tests of the function in the request")
    try:
        suite = importable_suite(tests[0], source, entry_point)
        targets = targets_of(suite, entry_point)
    except SuiteError as error:
        raise FieldError(answered_in, f"the tests make no suite: {error}", "pytest or unittest code") from error
    return Record(
        id=_identity(row, source, suite),
        entry_point=entry_point,
        source=source,
        oracle_tests=targets.tests,
        oracle_suite=suite,
        origin="",
        licence=optional_text(row, "licence", "license") or "unknown",
        oracle_imports=targets.imports,
    )


def _identity(row: Row, source: str, suite: str) -> str:
    """The row's own id; else one by content, so that it does not hang on where the row stands."""
    own = row.values.get("id")
    if isinstance(own, int | str) and not isinstance(own, bool) and str(own).strip():
        return str(own)
    return f"chat-{hashlib.sha256(repr((source, suite)).encode()).hexdigest()[:16]}"


def _texts(row: Row) -> tuple[str, str, str, str]:
    """Column and text of the request, column and text of the answer."""
    shape = next((names for names in _SHAPES if all(row.values.get(name) is not None for name in names)), None)
    if shape is None:
        raise FieldError("messages", f"no request and answer in the columns {columns_text(row.values)}", _ALLOWED)
    values = row.values
    if shape == ("messages",):
        user, assistant = _said("messages", values["messages"])
        return "messages", _present("messages", user, "user"), "messages", _present("messages", assistant, "assistant")
    first, second = shape
    asked = _one_text(first, values[first], "user")
    if first == "instruction" and isinstance(more := values.get("input"), str):
        asked = f"{asked}\n\n{more}"
    return first, asked, second, _one_text(second, values[second], "assistant")


def _one_text(field: str, value: Any, role: str) -> str:
    """A text as it is, or the one of a list of messages."""
    if isinstance(value, str):
        return value
    user, assistant = _said(field, value)
    return _present(field, user if role == "user" else assistant, role)


def _said(field: str, messages: Any) -> tuple[str | None, str | None]:
    """Everything a user says before the last answer, and that answer; each None where nobody says it."""
    if not isinstance(messages, list):
        raise FieldError(field, f"`{field}` is {shown(messages)}", "a list of messages")
    for message in messages:
        if not isinstance(message, dict) or not all(isinstance(message.get(key), str) for key in ("role", "content")):
            raise FieldError(field, f"`{field}` holds the message {shown(message)}", "messages with a text `role` and `content`")
    answers = [k for k, message in enumerate(messages) if message["role"] == "assistant"]
    last = answers[-1] if answers else len(messages)
    asked = [message["content"] for message in messages[:last] if message["role"] == "user"]
    return "\n\n".join(asked) if asked else None, messages[last]["content"] if answers else None


def _present(field: str, text: str | None, role: str) -> str:
    if text is None:
        raise FieldError(
            field, f"`{field}` holds no message of the role {role}", "a message of the user and one of the assistant"
        )
    return text


def _python(text: str) -> list[tuple[str, ast.Module]]:
    """The fenced pieces of a text that are Python, in order; where nothing is fenced, the first bare one."""
    blocks = fenced_blocks(text)
    if blocks is not None:
        return [(block, tree) for block in blocks if (tree := _tree(block)) is not None]
    return next(([(code, tree)] for code in bare_code(text) if (tree := _tree(code)) is not None), [])


def _tree(code: str) -> ast.Module | None:
    if len(code) > MAX_CODE:
        return None
    try:
        return parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # the last two: too deep for Python's own parser
        return None


def _defines(tree: ast.Module) -> bool:
    return any(isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) for node in tree.body)


def _tests(tree: ast.Module) -> bool:
    """Whether a piece of Python tests anything: a test function or class, or an assertion."""
    return any(
        isinstance(node, ast.Assert)
        or (isinstance(node, ast.FunctionDef) and node.name.startswith("test"))
        or (isinstance(node, ast.ClassDef) and node.name.startswith("Test"))
        for node in ast.walk(tree)
    )
