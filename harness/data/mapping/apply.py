"""Owns the reading of rows by a mapping file: a layout like any other. Pure; files and folders are `run`'s."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping as Values
from dataclasses import dataclass
from typing import Any

from harness.core.records import Record
from harness.data.mapping.model import Column, Constant, Mapping, Taken, load_mapping
from harness.data.mapping.taking import TakeError, texts
from harness.data.mapping.tests_of import UNPARSABLE, focal_names, inferred, suite_from, tree_of
from harness.data.sources.fields import FieldError, shown
from harness.data.sources.rows import Item, Row
from harness.data.suites.convert import SuiteError, targets_of
from harness.data.suites.syntax import parse

__all__ = ["Mapped", "Mapping", "load_mapping"]

_NUMBER = re.compile(r"(?:line|row) (\d+)")
_NAME = re.compile(r"\s*(?:async\s+)?(?:def\s+)?([A-Za-z_][\w.]*)")
_LONGEST_CELL = 1000
_HOLDS = {"text": "a text", "json": "a JSON string", "code": "a text with a ```python block"}


@dataclass(frozen=True, slots=True)
class Mapped:
    """The layout that a mapping file describes.

    Attributes:
        mapping: Which column holds what.
    """

    mapping: Mapping

    @property
    def name(self) -> str:
        """The layout's name."""
        return "mapped"

    def matches(self, columns: Values[str, Any]) -> bool:
        """Whether every column that the mapping names is there."""
        return self.mapping.fields.columns() <= set(columns)

    def read(self, row: Row) -> Item:
        """The row as a record, or what is wrong with it."""
        try:
            return self._record(row)
        except FieldError as error:
            return error.at(row.place)

    def _record(self, row: Row) -> Record:
        fields, values = self.mapping.fields, row.values
        source, tree = _source(fields.source, values)
        tests = _tests(fields.tests, values)
        entry_point = self._entry_point(values, tree, tests)
        suite = self._suite(tests, source, entry_point)
        imports, targets = _targets(suite, entry_point)
        return Record(
            id=self._id(row),
            entry_point=entry_point,
            source=source,
            oracle_tests=targets,
            oracle_suite=suite,
            origin=_value(fields.origin, values) or _file_name(self.mapping.source),
            licence=_value(fields.licence, values) or "unknown",
            oracle_imports=imports,
        )

    def _suite(self, tests: list[str], source: str, entry_point: str) -> str | None:
        """The pytest file; of several whole files the first that can be converted counts."""
        taken = self.mapping.fields.tests
        if taken is None or not tests:
            return None
        whole = self.mapping.fields.oracle_suite is not None
        reason = ""
        for candidate in [[text] for text in tests] if whole else [tests]:
            try:
                return suite_from(candidate, source, entry_point)
            except (SuiteError, *UNPARSABLE) as error:
                reason = reason or str(error) or type(error).__name__
        raise FieldError(taken.place, f"no usable test in {taken.place!r}: {reason}", "pytest or unittest code, or asserts")

    def _entry_point(self, values: Values[str, Any], tree: ast.Module, tests: list[str]) -> str:
        asked = self.mapping.fields.entry_point
        names = focal_names(tree)
        if isinstance(asked, Column):
            text = _cell(values, asked.column)
            found = _NAME.match(text)
            if found is None or found[1] not in names:
                known = ", ".join(names[:3]) or "nothing"
                raise FieldError(
                    asked.column, f"{asked.column!r} is {shown(text)}; the source defines {known}", "a function of the source"
                )
            return found[1]
        name = inferred(tree, tests)
        if name is None:
            place = self.mapping.fields.source.place
            raise FieldError(place, f"{place!r} defines no function", "Python that defines the function under test")
        return name

    def _id(self, row: Row) -> str:
        asked = self.mapping.fields.id
        if isinstance(asked, Column):
            return _cell(row.values, asked.column)
        found = _NUMBER.findall(row.place)
        return f"{_file_name(self.mapping.source)}-{int(found[-1]):06}" if found else row.place


def _targets(suite: str | None, entry_point: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Imports and tests to learn from; none where the suite holds no plain test."""
    try:
        found = None if suite is None else targets_of(suite, entry_point)
    except SuiteError:
        found = None
    return (found.imports, found.tests) if found else ((), ())


def _source(taken: Taken, values: Values[str, Any]) -> tuple[str, ast.Module]:
    """The first text that is Python and defines something besides tests."""
    candidates = _texts(taken, values)
    trees = [(text, tree) for text in candidates if (tree := tree_of(text)) is not None]
    if not trees:
        try:
            parse(candidates[0])
            why = "too deeply nested"
        except UNPARSABLE as error:
            why = str(error)
        raise FieldError(taken.place, f"{taken.place!r} is not Python: {why}", "a function, with the imports it needs")
    return next(((text, tree) for text, tree in trees if focal_names(tree)), trees[0])


def _tests(taken: Taken | None, values: Values[str, Any]) -> list[str]:
    """No tests where the column is there and empty: such a row still has its function."""
    if taken is None or (taken.column in values and values[taken.column] in (None, "", [], "[]")):
        return []
    return _texts(taken, values)


def _texts(taken: Taken, values: Values[str, Any]) -> list[str]:
    try:
        return texts(taken, values)
    except TakeError as error:
        raise FieldError(taken.place, str(error), _HOLDS[taken.take]) from error


def _value(asked: Column | Constant | None, values: Values[str, Any]) -> str:
    """A licence or an origin; an empty cell falls back to what the caller has."""
    if isinstance(asked, Constant):
        return asked.constant
    found = values.get(asked.column) if asked is not None else None
    return "" if found is None or isinstance(found, dict | list) else _printable(str(found).strip())


def _cell(values: Values[str, Any], column: str) -> str:
    found = values.get(column)
    if found is None or isinstance(found, dict | list) or not str(found).strip():
        kind = "missing" if column not in values else "empty" if not found else type(found).__name__
        raise FieldError(column, f"{column!r} is {kind}", "a text or a number")
    return _printable(str(found).strip())


def _printable(text: str) -> str:
    """A short text without what no file can hold: lone surrogates become question marks."""
    return text.encode("utf-8", "replace").decode()[:_LONGEST_CELL]


def _file_name(source: str) -> str:
    """What the rows are called where they have no name: the file without folder and ending, or the set's name."""
    name = source.partition(":")[2].rstrip("/").rpartition("/")[2] or source
    return name.partition(".")[0] or name
