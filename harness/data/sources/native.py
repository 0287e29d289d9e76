"""Owns the reading of rows in this project's own schema, that of `harness.core.records.Record`: a user's own functions."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ConfigDict, ValidationError

from harness.core.records import Record
from harness.data.sources.fields import FieldError, judged, require, shown, tree
from harness.data.sources.rows import Item, Row
from harness.data.suites.convert import SuiteError, targets_of
from harness.data.suites.syntax import bound_names

REQUIRED = ("id", "entry_point", "source")
_PANDAS_INDEX = "__index_level_"  # pandas adds such columns to a Parquet file on its own


class _Line(BaseModel):
    """One row; `oracle_tests` None means that the file does not say."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    id: str
    entry_point: str
    source: str
    oracle_tests: list[str] | None = None
    oracle_suite: str | None = None
    origin: str | None = None
    licence: str | None = None
    oracle_imports: list[str] | None = None


class Native:
    """Rows with the fields of `Record`; all but id, entry_point and source may be left out."""

    name = "native"

    def matches(self, columns: Mapping[str, type]) -> bool:
        """Whether the three fields that nothing can replace are there."""
        return set(REQUIRED) <= set(columns)

    def read(self, row: Row) -> Item:
        """The row as a record, or what is wrong with it."""
        return judged(_record, row)


def _record(row: Row) -> Record:
    require(row, REQUIRED)
    values = {name: value for name, value in row.values.items() if not name.startswith(_PANDAS_INDEX)}
    try:
        line = _Line.model_validate(values)
    except ValidationError as error:
        raise _field_error(error) from error
    _require_focal(line)
    _require_tests(line)
    suite = line.oracle_suite or suite_from_tests(line.entry_point, line.oracle_tests or (), line.oracle_imports or ())
    tests, imports = tuple(line.oracle_tests or ()), tuple(line.oracle_imports or ())
    if suite is not None and line.oracle_tests is None:
        tests, imports = _targets(suite, line.entry_point)
    return Record(line.id, line.entry_point, line.source, tests, suite, line.origin or "", line.licence or "unknown", imports)


def _field_error(error: ValidationError) -> FieldError:
    """The first thing pydantic found, in our words."""
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        near = difflib.get_close_matches(name, _Line.model_fields, 1)
        hint = f" (nearest: {near[0]})" if near else ""
        return FieldError(name, f"unknown field `{name:.60}`{hint}", ", ".join(_Line.model_fields))
    return FieldError(name, f"`{name}` is {shown(first['input'])}", first["msg"].removeprefix("Input should be "))


def _require_focal(line: _Line) -> None:
    """`source` is Python and defines the entry point."""
    names = _defined(tree("source", line.source, "a whole importable module"))
    if line.entry_point not in names:
        near = ", ".join(difflib.get_close_matches(line.entry_point, names, 3) or sorted(names)[:3]) or "nothing"
        found = f"`source` does not define `entry_point` {shown(line.entry_point)}; it defines {near}"
        raise FieldError("entry_point", found, "a top-level name of `source`, or Class.method")


def _require_tests(line: _Line) -> None:
    """Everything that claims to be tests is Python; the tests themselves are whole functions."""
    for k, test in enumerate(line.oracle_tests or ()):
        body = tree(f"oracle_tests.{k}", test, "one whole test function").body
        if not all(isinstance(node, ast.FunctionDef) and node.name.startswith("test") for node in body) or not body:
            raise FieldError(f"oracle_tests.{k}", f"`oracle_tests.{k}` is {shown(test)}", "one whole `def test_...` function")
    tree("oracle_imports", "\n".join(line.oracle_imports or ()), "import lines")
    if line.oracle_suite is not None:
        tree("oracle_suite", line.oracle_suite, "a whole pytest file")


def _defined(module: ast.Module) -> frozenset[str]:
    """Top-level names, imports apart, and ``Class.method``."""
    names = set(bound_names(node for node in module.body if not isinstance(node, ast.Import | ast.ImportFrom)))
    for node in module.body:
        if isinstance(node, ast.ClassDef):
            names |= {f"{node.name}.{part.name}" for part in node.body if isinstance(part, ast.FunctionDef)}
    return frozenset(names)


def _targets(suite: str, entry_point: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Tests to learn from, out of a suite, and their imports; none where the suite holds no plain test."""
    try:
        targets = targets_of(suite, entry_point)
    except SuiteError:
        return (), ()
    return targets.tests, targets.imports


def suite_from_tests(entry_point: str, tests: Sequence[str], imports: Sequence[str] = ()) -> str | None:
    """The suite that tests alone make, where a source gives none; None without tests."""
    if not tests:
        return None
    header = [*imports, f"from solution import {entry_point.split('.')[0]}"]
    return "\n".join(header) + "\n\n\n" + "\n\n\n".join(test.strip() for test in tests) + "\n"
