"""Owns the layout of CodeRM-UnitTest: a function, and JSON strings of suites with how often each of them is wrong.

Source: Ma et al. 2025, "Dynamic Scaling of Unit Tests for Code Reward Modeling"; KAKA22/CodeRM-UnitTest (Apache-2.0 card).
"""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.core.records import Record
from harness.data.sources.fields import FieldError, judged, require, shown, text, tree
from harness.data.sources.focal_names import focal_name
from harness.data.sources.rows import Item, Row, Skipped, SourceOptions
from harness.data.suites.convert import SuiteError, importable_suite, targets_of
from harness.data.suites.names import forgotten_imports
from harness.data.suites.syntax import parse

COLUMNS = ("task_id", "code_ground_truth", "unit_tests")
_TRIED = 5  # suites of one row that are tried until one can be made importable
_UNKNOWN_RATE = 1.0
_SENTENCE = re.compile(r"(?<=[.!?])\s")
_DEFINES = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True, slots=True)
class CodeRm:
    """Rows whose `unit_tests` is a JSON string of suites, each with its false acceptance and false rejection rate.

    The suite with the lowest FAR + FRR within the limits becomes the oracle, the first of equals. Both rates count: one with a
    high FRR rejects right programs, so its expected values are doubtful; one with a high FAR accepts wrong programs, so a model
    learns checks from it that find nothing. A rate that is missing counts as 1. `code_generate` is never decoded.

    Args:
        options: `max_far` and `max_frr`.
    """

    options: SourceOptions = field(default_factory=SourceOptions)

    @property
    def name(self) -> str:
        """As in `Source.layout`."""
        return "coderm"

    def matches(self, columns: Mapping[str, type]) -> bool:
        """Whether a ground truth and its unit tests are there."""
        return {"code_ground_truth", "unit_tests"} <= set(columns)

    def read(self, row: Row) -> Item:
        """The row as a record; skipped where no suite is good enough or can be made importable."""
        return judged(self._record, row)

    def _record(self, row: Row) -> Record | Skipped:
        require(row, COLUMNS)
        identity = _identity(row)
        truth = _plain(text(row, "code_ground_truth"))
        module = tree("code_ground_truth", truth)
        if not any(isinstance(node, _DEFINES) for node in module.body):
            raise FieldError("code_ground_truth", "`code_ground_truth` defines no function", "a function or a class")
        ranked = sorted(_suites(row), key=lambda suite: round(suite.far + suite.frr, 9))  # 0.05 + 0.1 > 0.15
        good = [suite for suite in ranked if suite.far <= self.options.max_far and suite.frr <= self.options.max_frr]
        if not good:
            best = f"the best has FAR {ranked[0].far:.2f}, FRR {ranked[0].frr:.2f}" if ranked else "there is none"
            return Skipped(identity, f"no suite within FAR {self.options.max_far}, FRR {self.options.max_frr}: {best}")
        return _first_usable(identity, _source(row, truth), module, good)


@dataclass(frozen=True, slots=True)
class _Suite:
    """One suite of a row; rates are fractions 0-1."""

    code: str
    far: float
    frr: float


def _first_usable(identity: str, source: str, module: ast.Module, good: Sequence[_Suite]) -> Record | Skipped:
    """The record with the best suite that can be made importable; the reason of the best one where none can."""
    reasons = []
    for suite in good[:_TRIED]:
        try:
            entry_point = _entry_point(module, suite.code)
            oracle = importable_suite(suite.code, source, entry_point)
            targets = targets_of(oracle, entry_point)
            return Record(identity, entry_point, source, targets.tests, oracle, "", "unknown", targets.imports)
        except (SuiteError, SyntaxError) as error:
            reasons.append(str(error))
    return Skipped(identity, f"its best suite cannot be used: {reasons[0]}")


def _entry_point(module: ast.Module, code: str) -> str:
    """What the ground truth defines and the suite uses the most.

    Raises:
        SuiteError: if it uses nothing of it, or pytest would take the function for a test.
    """
    named = [node for node in module.body if isinstance(node, _DEFINES) and re.search(rf"\b{node.name}\b", code)]
    if len(named) == 1 and not isinstance(named[0], ast.ClassDef):  # no need to parse the suite for it
        name: str | None = named[0].name
    else:
        try:
            name = focal_name(module, parse(code))
        except SyntaxError as error:
            raise SuiteError(f"the tests: not Python: line {error.lineno}: {error.msg}") from error
        except ValueError as error:  # null bytes
            raise SuiteError(f"the tests: not Python: {error}") from error
    if name is None:
        raise SuiteError("it uses nothing that the ground truth defines")
    if name.startswith("test"):
        raise SuiteError(f"pytest would collect the focal function {name} itself as a test")
    return name


def _suites(row: Row) -> list[_Suite]:
    """The suites of a row, rates as fractions: where one of a row is above 1, all of that row are percentages."""
    entries = _decoded(row)
    plain = [rate for entry in entries for key in ("FAR", "FRR") if (rate := _number(entry.get(key))) is not None]
    scale = 100.0 if any(rate > 1 for rate in plain) else 1.0
    return [_Suite(_plain(e["code"]), _rate(e.get("FAR"), scale), _rate(e.get("FRR"), scale)) for e in entries]


def _decoded(row: Row) -> list[dict[str, Any]]:
    """The list in `unit_tests`: a JSON string, or the list itself where a container has decoded it already."""
    value = row.values["unit_tests"]
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            found = f"`unit_tests` is not JSON: {error}, in {shown(row.values['unit_tests'])}"
            raise FieldError("unit_tests", found, "a JSON string with a list of suites") from error
    if not isinstance(value, list):
        raise FieldError("unit_tests", f"`unit_tests` is {shown(value)}", "a JSON string with a list of suites")
    for k, entry in enumerate(value):
        _require_suite(k, entry, taken_apart=len(value) > 1 and all(isinstance(c, str) and len(c) == 1 for c in value[:9]))
    return value


def _require_suite(k: int, entry: object, *, taken_apart: bool) -> None:
    allowed = '{"ut_id": ..., "code": "...", "FAR": ..., "FRR": ...}'
    if taken_apart:
        found = "`unit_tests` is a list of single characters: a JSON string that was taken apart"
        raise FieldError("unit_tests", found, "the JSON string itself, or the list that it holds")
    if not isinstance(entry, dict):
        raise FieldError("unit_tests", f"`unit_tests[{k}]` is {shown(entry)}", allowed)
    if not isinstance(entry.get("code"), str):
        raise FieldError("unit_tests", f"`unit_tests[{k}].code` is {shown(entry.get('code'))}", allowed)


def _rate(value: object, scale: float) -> float:
    """A rate as a fraction: a number, or text such as ``0.05`` or ``5%``; 1 where it is no rate.

    Args:
        value: As it stands there.
        scale: What plain numbers are divided by.
    """
    percent = isinstance(value, str) and value.strip().endswith("%")
    number = _number(value.strip()[:-1]) if percent and isinstance(value, str) else _number(value)
    if number is None or not 0 <= number <= 100:
        return _UNKNOWN_RATE
    return min(number / (100.0 if percent else scale), 1.0)


def _number(value: object) -> float | None:
    """A finite number, also one in a text; None for all else."""
    if not isinstance(value, int | float | str) or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _identity(row: Row) -> str:
    task = row.values["task_id"]
    if isinstance(task, bool) or not isinstance(task, int | str):
        raise FieldError("task_id", f"`task_id` is {shown(task)}", "a number or a text")
    return f"CodeRM/{task}"


def _source(row: Row, truth: str) -> str:
    """The ground truth under one comment line with the first sentence of the question.

    Imports of the usual names that it forgot (``List``, ``math``) are added: the data set ran it below such lines.
    """
    question = row.values.get("question")
    words = _SENTENCE.split(" ".join(question.split()), maxsplit=1)[0] if isinstance(question, str) else ""
    comment = f"# {words[:200]}\n" if words else ""
    lines = forgotten_imports(truth)
    future = truth.lstrip().startswith("from __future__")
    added = "\n".join(lines) + "\n\n\n" if lines and not future else ""
    return f"{comment}{added}{truth.strip()}\n"


def _plain(code: str) -> str:
    return code.replace("\r\n", "\n").replace("\r", "\n")
