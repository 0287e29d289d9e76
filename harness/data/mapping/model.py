"""Owns the mapping file: which column of a source holds what. Its model, and reading it; applying it is `apply`'s."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from harness.core.errors import HarnessError

FORMAT = "harness-mapping/1"
Text = Annotated[str, Field(min_length=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Taken(_Strict):
    """A text out of a column.

    `path` leads into nested values: keys and indices with dots between them, ``*`` for every element (``*.code``).
    `take` says what the column holds: ``text`` as it is (lists and objects included), ``json`` a JSON string that is parsed
    before the path is followed, ``code`` a text of which the fenced Python blocks count.
    """

    column: Text
    path: str = ""
    take: Literal["text", "code", "json"] = "text"

    @property
    def place(self) -> str:
        """Column and path, for messages."""
        return f"{self.column}.{self.path}" if self.path else self.column


class Column(_Strict):
    """The value of a column."""

    column: Text


class RowNumber(_Strict):
    """``NAME-000001``: the number of the row stands for the id."""

    row: Literal[True]


class Infer(_Strict):
    """The function of the source that the tests call; the last one where there are no tests."""

    infer: Literal[True]


class Constant(_Strict):
    """The same for every row."""

    constant: Text


class Fields(_Strict):
    """Field of a record -> where it comes from."""

    source: Taken
    oracle_suite: Taken | None = None
    oracle_tests: Taken | None = None
    id: Column | RowNumber = RowNumber(row=True)
    entry_point: Column | Infer = Infer(infer=True)
    licence: Column | Constant = Constant(constant="unknown")
    origin: Column | Constant | None = None

    @model_validator(mode="after")
    def _one_kind_of_tests(self) -> Self:
        if self.oracle_suite is not None and self.oracle_tests is not None:
            raise ValueError("give oracle_suite (whole test files) or oracle_tests (lists of tests), not both")
        return self

    @property
    def tests(self) -> Taken | None:
        """Where the tests are, either way."""
        return self.oracle_suite or self.oracle_tests

    def columns(self) -> frozenset[str]:
        """Every column that is read."""
        parts = (self.source, self.tests, self.id, self.entry_point, self.licence, self.origin)
        return frozenset(part.column for part in parts if isinstance(part, Taken | Column))


class Mapping(_Strict):
    """A mapping file.

    Attributes:
        format: `FORMAT`.
        source: Name of a source, as `harness data inspect` takes it: ``jsonl:FILE``, ``parquet:FILE``, ``hf:NAME``.
        fields: Where the fields of a record come from.
    """

    format: Literal["harness-mapping/1"]
    source: Text
    fields: Fields


def load_mapping(path: Path) -> Mapping:
    """Read and check a mapping file.

    Raises:
        HarnessError: BAD_INPUT, naming file, line, field and what is allowed.
    """
    try:
        text = path.read_text("utf-8-sig")
        node, values = yaml.compose(text, Loader=yaml.SafeLoader), yaml.safe_load(text)
    except (OSError, UnicodeDecodeError) as error:
        fix = "give the file that `harness data inspect SOURCE --mapping-out FILE` wrote"
        raise HarnessError(f"{path}: cannot be read", why=getattr(error, "strerror", None) or str(error), fix=fix) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise HarnessError(f"{where}: not valid YAML", why=str(getattr(error, "problem", error)), fix="mend that line") from error
    except RecursionError as error:
        raise HarnessError(f"{path}: not a mapping file", why="nested too deeply", fix=f"start with format: {FORMAT}") from error
    try:
        return Mapping.model_validate(values)
    except ValidationError as error:
        raise _explained(path, error, dict(_lines(node))) from error


def _explained(path: Path, error: ValidationError, lines: dict[tuple[str, ...], int]) -> HarnessError:
    """The most telling of pydantic's findings: a union reports every branch, and the deepest one is where the fault is."""
    first = max(error.errors(), key=lambda e: (e["type"] == "extra_forbidden", len([p for p in e["loc"] if _known(p)])))
    place = tuple(str(part) for part in first["loc"] if _known(part))
    line = next((lines[place[:k]] for k in range(len(place), 0, -1) if place[:k] in lines), 1)
    field = ".".join(place) or "the file"
    if first["type"] == "extra_forbidden":
        return HarnessError(f"{path}:{line}: {field}: unknown field", why=_allowed_at(place[:-1]), fix="rename or remove it")
    if first["type"] == "missing":
        return HarnessError(f"{path}:{line}: {field}: required, but absent", why=_allowed_at(place[:-1]), fix=f"add {field}")
    why = f"found {first['input']!r:.60}: {first['msg'].removeprefix('Value error, ')}"
    return HarnessError(f"{path}:{line}: {field}: not a valid value", why=why, fix=_allowed_at(place[:-1]))


def _known(part: str | int) -> bool:
    """Whether a step of pydantic's location is a key of the file and not the name of a union's branch."""
    return isinstance(part, str) and part not in {c.__name__ for c in (Taken, Column, RowNumber, Infer, Constant)}


def _allowed_at(place: tuple[str, ...]) -> str:
    if not place:
        return f"allowed: {', '.join(Mapping.model_fields)} (format: {FORMAT})"
    if place == ("fields",):
        return f"allowed: {', '.join(Fields.model_fields)}"
    others = {"id": "row: true", "entry_point": "infer: true", "licence": "constant: TEXT", "origin": "constant: TEXT"}
    if place[-1] in others:
        return f"allowed: column: NAME, or {others[place[-1]]}"
    return "allowed: column: NAME, path: a.0.b or *.code, take: text, code or json"


def _lines(node: yaml.Node | None, at: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], int]]:
    """Path of keys -> line, counted from 1."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here = (*at, str(key.value))
            yield here, key.start_mark.line + 1
            yield from _lines(value, here)
