"""Owns the layout of MBPP, as in google-research-datasets/mbpp.

Source: Austin et al. 2021, "Program Synthesis with Large Language Models" (CC-BY-4.0).
"""

from __future__ import annotations

import ast
from collections.abc import Mapping

from harness.core.records import Record
from harness.data.sources.fields import FieldError, judged, require, shown, text, texts, tree
from harness.data.sources.rows import Item, Row, Skipped
from harness.data.suites.oracle import Checks, suite_of
from harness.data.suites.syntax import parse
from harness.data.suites.targets import training_targets

ORIGIN = "mbpp"
LICENCE = "CC-BY-4.0"
COLUMNS = ("task_id", "text", "code", "test_setup_code", "test_list")


class Mbpp:
    """Rows whose `test_list` holds assertions about the function that `code` defines."""

    name = "mbpp"

    def matches(self, columns: Mapping[str, type]) -> bool:
        """Whether the five columns are there."""
        return set(COLUMNS) <= set(columns)

    def read(self, row: Row) -> Item:
        """The row as a record; skipped where its function cannot be told, or would be taken for a test."""
        return judged(_record, row)


def _record(row: Row) -> Record | Skipped:
    require(row, COLUMNS)
    identity = _identity(row)
    plain = _plain(text(row, "code"))
    tree("code", plain)
    source = _source(text(row, "text"), plain)
    tests = texts(row, "test_list")
    body = [statement for k, test in enumerate(tests) for statement in tree(f"test_list.{k}", _plain(test)).body]
    setup = tree("test_setup_code", _plain(text(row, "test_setup_code"))).body
    defined = {node.name for node in tree("code", source).body if isinstance(node, ast.FunctionDef)}
    entry_point = _entry_point(body, defined)
    if entry_point is None:
        return Skipped(identity, "its tests call no function that its code defines")
    if entry_point.startswith("test"):
        return Skipped(identity, f"pytest would collect the focal function {entry_point} itself as a test")
    checks = Checks(entry_point, body, setup)
    return Record(
        id=identity,
        entry_point=entry_point,
        source=source,
        oracle_tests=training_targets(entry_point, checks.single),
        oracle_suite=suite_of(source, checks),
        origin=ORIGIN,
        licence=LICENCE,
    )


def _identity(row: Row) -> str:
    task = row.values["task_id"]
    if isinstance(task, bool) or not isinstance(task, int | str):
        raise FieldError("task_id", f"`task_id` is {shown(task)}", "a number or a text")
    return f"MBPP/{task}"


def _source(task: str, code: str) -> str:
    """The code under one comment line that says what it is for."""
    return f"# {' '.join(task.split())}\n{_without_tabs(code).strip()}\n"


def _plain(code: str) -> str:
    """MBPP comes with CRLF line ends."""
    return code.replace("\r\n", "\n").replace("\r", "\n")


def _without_tabs(code: str) -> str:
    """Tabs at line starts as spaces, where that changes nothing: libcst refuses a mixture that Python itself accepts."""
    if "\t" not in code:
        return code
    lines = code.split("\n")
    spaced = "\n".join(line[: _indent(line)].expandtabs(8) + line[_indent(line) :] for line in lines)
    return spaced if ast.dump(parse(spaced)) == ast.dump(parse(code)) else code


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" \t"))


def _entry_point(body: list[ast.stmt], defined: set[str]) -> str | None:
    """The defined function that the most tests call; the outermost call of the first test decides between equals."""
    called = [
        [n.func.id for n in ast.walk(s) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id in defined]
        for s in body
    ]
    names = [name for calls in called for name in calls]
    return max(names, key=lambda name: sum(name in calls for calls in called), default=None)
