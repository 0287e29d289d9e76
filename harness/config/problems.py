"""What is wrong with a sweep file, worded for a person: file, line, field, found, allowed, nearest valid name."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from harness.config.fields import SIZE_PATTERN
from harness.config.sections import DEVICE_PATTERN
from harness.config.sweep_config import SweepConfig
from harness.core.errors import HarnessError

Lines = Mapping[tuple[str | int, ...], int]


def explain(path: Path, error: ValidationError, lines: Lines) -> HarnessError:
    """Word a validation error.

    Args:
        path: The sweep file.
        error: What pydantic found.
        lines: Path of keys and indices -> line number, counted from 1.
    """
    details = [dict(d) for d in error.errors() if not _is_lists_other_half(dict(d), lines)]
    details.sort(key=lambda d: d["type"] != "extra_forbidden")
    first, *others = [_problem(detail, lines) for detail in details]
    elsewhere = [f"line {p.line}: {p.field}" for p in others if p.line != first.line]
    also = f" (also {'; '.join(elsewhere[:4])})" if elsewhere else ""
    return HarnessError(f"{path}:{first.line}: {first.field}: {first.what}{also}", why=first.why, fix=first.fix)


@dataclass(frozen=True, slots=True)
class _Problem:
    line: int
    field: str
    what: str
    why: str
    fix: str


def _problem(detail: Mapping[str, Any], lines: Lines) -> _Problem:
    path = _known_path(detail["loc"], lines)
    message = detail["msg"].removeprefix("Value error, ")
    if not path and (named := re.match(r"([a-z_.0-9\[\]]+): ", message)):
        # a rule over several sections names its field itself
        path = tuple(int(p) if p.isdigit() else p for p in re.split(r"[.\[\]]+", named[1]) if p)
        message = message[named.end() :]
    line = max((n for p, n in lines.items() if p == path[: len(p)]), default=1)
    field = ".".join(str(part) for part in path) or "the file"
    if detail["type"] == "extra_forbidden":
        return _unknown(path, line, field)
    if detail["type"] == "missing":
        missing = ".".join((*map(str, path), str(detail["loc"][-1])))
        return _Problem(line, missing, "required, but absent", "the field has no default", f"add {missing}")
    cause = getattr(detail.get("ctx", {}).get("error"), "__cause__", None)
    if isinstance(cause, HarnessError):  # what reads the value has said it all
        return _Problem(line, field, cause.what, cause.why, cause.fix)
    found = detail["input"]
    shown = f"found {found!r}: " if isinstance(found, str | int | float | bool | None) or found == [] else ""
    if detail["type"] in _FORM_TYPES:
        message = next((_FORMS[str(part)] for part in path if str(part) in _FORMS), message)
    message = _PATTERNS.get(detail.get("ctx", {}).get("pattern", ""), message)
    return _Problem(line, field, "not a valid value", f"{shown}{message}", _fix(message, found))


_PATTERNS = {
    SIZE_PATTERN: "a size is a number and KiB, MiB, GiB or TiB, such as 3.5GiB",
    DEVICE_PATTERN: "a device is auto, cpu, cuda or cuda:N",
}


_SOURCES = "a source, or a list of sources, is needed: texts such as human-eval and jsonl:FILE"
_FORMS = {
    "source": _SOURCES,
    "holdout": _SOURCES,
    "target_modules": "all-linear, or a list of names of modules, is needed",
}
"""Field of a section that takes a text or a list of texts -> what it takes."""
_FORM_TYPES = frozenset({"string_type", "string_too_short", "tuple_type", "too_short"})


def _is_lists_other_half(detail: Mapping[str, Any], lines: Lines) -> bool:
    """Whether this says of a text or a list of texts that its list is no text: what is wrong in the list stands beside it."""
    union = len(_known_path(detail["loc"], lines)) < len(detail["loc"])
    return union and detail["type"] == "string_type" and isinstance(detail["input"], list)


def _unknown(path: tuple[str | int, ...], line: int, field: str) -> _Problem:
    allowed = _allowed(path[:-1])
    near = difflib.get_close_matches(str(path[-1]), allowed, 1, 0.5)
    fix = f"did you mean '{near[0]}'?" if near else "remove it, or take one of the allowed names"
    return _Problem(line, field, "unknown field", f"allowed here: {', '.join(allowed)}", fix)


def _fix(message: str, found: object) -> str:
    names = re.findall(r"[A-Za-z][A-Za-z0-9_-]+", message)
    near = difflib.get_close_matches(str(found), names, 1, 0.5) if isinstance(found, str) else []
    return f"did you mean '{near[0]}'?" if near else "change the value; `harness schema` prints what every field allows"


def _known_path(loc: tuple[str | int, ...], lines: Lines) -> tuple[str | int, ...]:
    """The error's place without the tags pydantic adds for unions: only steps that the file really has."""
    path: tuple[str | int, ...] = ()
    for part in loc:
        if (*path, part) in lines:
            path = (*path, part)
    return path


def _allowed(path: tuple[str | int, ...]) -> list[str]:
    """Field names of the section at `path`."""
    schema: dict[str, Any] = SweepConfig.model_json_schema()
    node = schema
    for part in path:
        node = _resolve(schema, node)
        node = node.get("properties", {}).get(part) or node.get("items") or {}
    names: dict[str, None] = {}
    for option in _options(schema, node):
        names.update(dict.fromkeys(option.get("properties", {})))
    return list(names)


def _resolve(schema: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        node = schema["$defs"][node["$ref"].rsplit("/", 1)[1]]
    return node


def _options(schema: dict[str, Any], node: dict[str, Any]) -> list[dict[str, Any]]:
    node = _resolve(schema, node)
    branches = node.get("anyOf", []) + node.get("oneOf", [])
    return [o for b in branches for o in _options(schema, b)] if branches else [node]
