"""Owns what the pyproject.toml of a checkout says of it: its name, version and licence. Reads the file; runs nothing."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.data.harvest.licences import UNKNOWN, licence_of_file, licence_of_words, spdx

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class Declared:
    """What a project says of itself.

    Attributes:
        name: Of the project; empty where it has none.
        version: Empty where it is not written there.
        licence: SPDX expression, or ``unknown``.
    """

    name: str
    version: str
    licence: str


def declared(folder: Path) -> Declared:
    """What a checkout says in ``[project]``, or before that standard in ``[tool.poetry]``; nothing where it has no such file."""
    said = _project(folder)
    name, version = (found if isinstance(found := said.get(key), str) else "" for key in ("name", "version"))
    return Declared(name if _NAME.fullmatch(name) else "", version, _licence(folder, said))


def _project(folder: Path) -> dict[str, Any]:
    try:
        told = tomllib.loads((folder / "pyproject.toml").read_text("utf-8-sig"))
    except (OSError, ValueError):
        return {}
    tool = told.get("tool")
    parts = (tool.get("poetry") if isinstance(tool, Mapping) else None, told.get("project"))
    return {key: value for part in parts if isinstance(part, Mapping) for key, value in part.items()}


def _licence(folder: Path, said: Mapping[str, Any]) -> str:
    """An SPDX expression first (PEP 639), then classifiers, then the words or the file of the table that was usual before."""
    field, listed = said.get("license"), said.get("classifiers")
    classifiers = [one for one in listed if isinstance(one, str)] if isinstance(listed, list) else []
    table = field if isinstance(field, Mapping) else {"text": field}
    words = text if isinstance(text := table.get("text"), str) else ""
    found = spdx(words) or licence_of_words(words, classifiers)
    return _of_file(folder, table.get("file")) if found == UNKNOWN else found


def _of_file(folder: Path, name: object) -> str:
    if not isinstance(name, str) or "\0" in name or not (folder / name).resolve().is_relative_to(folder.resolve()):
        return UNKNOWN
    return licence_of_file(folder / name)
