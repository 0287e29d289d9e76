"""Owns the reading of MBPP in the layout of google-research-datasets/mbpp.

Source: Austin et al. 2021, "Program Synthesis with Large Language Models" (CC-BY-4.0).
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

from harness.core.records import Record
from harness.data.loaded import Loaded, Skipped, broken_line, read_rows
from harness.data.oracle import Checks, suite_of
from harness.data.syntax import parse
from harness.data.targets import training_targets

ORIGIN = "mbpp"
LICENCE = "CC-BY-4.0"
_TEXTS = ("text", "code", "test_setup_code")


def load_mbpp(path: Path) -> Loaded:
    """Every usable row of an MBPP file; the others are named with their reason.

    Raises:
        HarnessError: if the file cannot be read, or a line lacks a field or holds one of a wrong type.
    """
    records: list[Record] = []
    skipped: list[Skipped] = []
    for number, row in read_rows(path):
        _require_layout(path, number, row)
        made = _record(row)
        if isinstance(made, Record):
            records.append(made)
        else:
            skipped.append(made)
    return Loaded(tuple(records), tuple(skipped), ORIGIN, LICENCE)


def _require_layout(path: Path, number: int, row: dict[str, Any]) -> None:
    required = ("task_id", "test_list", *_TEXTS)
    missing = next((name for name in required if name not in row), None)
    if missing:
        raise broken_line(path, number, f"the field `{missing}` is missing", f"the fields {', '.join(required)}")
    wrong = next((name for name in _TEXTS if not isinstance(row[name], str)), None)
    if wrong:
        raise broken_line(path, number, f"`{wrong}` is {row[wrong]!r:.60}", "a string")
    tests = row["test_list"]
    if not isinstance(tests, list) or not all(isinstance(test, str) for test in tests):
        raise broken_line(path, number, f"`test_list` is {tests!r:.60}", "a list of strings")


def _record(row: dict[str, Any]) -> Record | Skipped:
    """One row as a record, or the reason why not."""
    identity = f"MBPP/{row['task_id']}"
    try:
        source = _source(row["text"], row["code"])
        body = [statement for test in row["test_list"] for statement in parse(_plain(test)).body]
        setup = parse(_plain(row["test_setup_code"])).body
        defined = {node.name for node in parse(source).body if isinstance(node, ast.FunctionDef)}
    except SyntaxError as error:
        return Skipped(identity, f"not Python {error.msg}")
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


def _source(text: str, code: str) -> str:
    """The code under one comment line that says what it is for."""
    return f"# {' '.join(text.split())}\n{_without_tabs(_plain(code)).strip()}\n"


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
