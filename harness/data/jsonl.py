"""Owns the reading of a user's own functions: JSON Lines in the schema of `harness.core.records.Record`."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from harness.core.errors import HarnessError
from harness.core.records import Record
from harness.data.loaded import Loaded, broken_line, read_rows
from harness.data.syntax import top_level_names

_REQUIRED = ("id", "entry_point", "source")


class _Line(BaseModel):
    """One line of the file."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    id: str
    entry_point: str
    source: str
    oracle_tests: list[str] = []
    oracle_suite: str | None = None
    origin: str | None = None
    licence: str = "unknown"


def load_jsonl(path: Path) -> Loaded:
    """Every record of the file.

    Raises:
        HarnessError: if the file cannot be read or holds no record, or for the first line that is broken: not JSON, a field
            missing, unknown or of a wrong type, an id used twice, a source that is not Python or lacks its entry point.
    """
    records: list[Record] = []
    first_seen: dict[str, int] = {}
    for number, row in read_rows(path):
        record = _record(path, number, row)
        if record.id in first_seen:
            raise broken_line(path, number, f"the id {record.id!r} stands on line {first_seen[record.id]} too", "ids used once")
        first_seen[record.id] = number
        records.append(record)
    if not records:
        fix = f"one JSON object a line, with {', '.join(_REQUIRED)}"
        raise HarnessError(f"{path} holds no record", why="every line is blank", fix=fix)
    licences = {record.licence for record in records}
    origins = {record.origin for record in records}
    return Loaded(tuple(records), (), " AND ".join(sorted(origins)), " AND ".join(sorted(licences)))


def _record(path: Path, number: int, row: dict[str, Any]) -> Record:
    try:
        line = _Line.model_validate(row)
    except ValidationError as error:
        raise _field_error(path, number, error) from error
    _require_focal(path, number, line)
    return Record(
        id=line.id,
        entry_point=line.entry_point,
        source=line.source,
        oracle_tests=tuple(line.oracle_tests),
        oracle_suite=line.oracle_suite or _suite(line),
        origin=line.origin or path.name,
        licence=line.licence,
    )


def _field_error(path: Path, number: int, error: ValidationError) -> HarnessError:
    """The first thing pydantic found, in our words."""
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        near = difflib.get_close_matches(name, _Line.model_fields, 1)
        hint = f" (nearest: {near[0]})" if near else ""
        return broken_line(path, number, f"unknown field `{name}`{hint}", ", ".join(_Line.model_fields))
    if first["type"] == "missing":
        return broken_line(path, number, f"the field `{name}` is missing", f"{', '.join(_REQUIRED)} in every line")
    return broken_line(path, number, f"`{name}` is {first['input']!r:.60}", first["msg"].removeprefix("Input should be "))


def _require_focal(path: Path, number: int, line: _Line) -> None:
    try:
        names = top_level_names(line.source)
    except (SyntaxError, ValueError) as error:  # ValueError: null bytes
        raise broken_line(path, number, f"`source` is not Python: {error}", "a whole importable module") from error
    if line.entry_point not in names:
        near = ", ".join(difflib.get_close_matches(line.entry_point, names, 3) or sorted(names)[:3]) or "nothing"
        found = f"`source` does not define `entry_point` {line.entry_point!r}; it defines {near}"
        raise broken_line(path, number, found, "a top-level name of `source`")


def _suite(line: _Line) -> str | None:
    """The suite that the tests alone make, where the file gives none."""
    if not line.oracle_tests:
        return None
    tests = "\n\n\n".join(test.strip() for test in line.oracle_tests)
    return f"from solution import {line.entry_point}\n\n\n{tests}\n"
