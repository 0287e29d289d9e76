"""Owns the file that is written: where it is, whether it may be, how the project writes, and that it is written whole."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.core.errors import ExitCode, HarnessError
from harness.data.targets.layout import is_test_name, place_of
from harness.data.targets.printing import Style
from harness.data.targets.target import Target
from harness.files.places import absolute, writing


@dataclass(frozen=True, slots=True)
class Destination:
    """Where the tests go.

    Attributes:
        file: The file, absolute.
        shown: The same for a person: relative to where the command runs, if it lies below.
        style: How the project writes.
        overwrite: Whether a file that is there may be replaced.
    """

    file: Path
    shown: str
    style: Style
    overwrite: bool = False


def open_destination(target: Target, out: Path | None, *, overwrite: bool, dry_run: bool) -> Destination:
    """Where the tests of a target go.

    Args:
        target: What is tested.
        out: The file that was asked for, or None.
        overwrite: Whether a file that is there may be replaced.
        dry_run: Whether nothing will be written: then no file is in the way, and an installed package is no obstacle.

    Raises:
        HarnessError: BAD_INPUT for a name that pytest would not collect, or for no project to write into; CONFLICT for a file
            that is there; STORAGE where nothing can be written.
    """
    if out is None and target.installed and dry_run:
        out = Path(f"test_{target.file.stem.strip('_')}.py")
    if out is None and target.installed:
        fix = "name a file with --out"
        raise HarnessError(f"{target.file} is in no project", why="it belongs to an installed package", fix=fix)
    file = place_of(target) if out is None else absolute(out)
    if not is_test_name(file.name):
        why = "pytest collects test_*.py and *_test.py" if file.suffix == ".py" else "it does not end in .py"
        raise HarnessError(f"{file} is no test file", why=why, fix="name a file such as tests/test_x.py")
    if os.path.lexists(file) and not (overwrite or dry_run):
        raise _taken(file)
    if not dry_run:
        _require_writable(file)
    here = Path.cwd()
    shown = str(file.relative_to(here)) if file.is_relative_to(here) else str(file)
    return Destination(file, shown, style_of(target), overwrite)


def save(destination: Destination, text: str) -> None:
    """Write the file, whole or not at all; folders that are missing are made.

    Raises:
        HarnessError: CONFLICT for a file that is there by now and may not be replaced, STORAGE where it cannot be written.
    """
    file = destination.file
    with writing(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary = file.with_name(f".{file.name}.{os.getpid()}")
        try:
            temporary.write_text(text, "utf-8")
            if not destination.overwrite:
                _claim(file)
            temporary.replace(file)
        finally:
            temporary.unlink(missing_ok=True)


def _claim(file: Path) -> None:
    """Make the file, empty: of all who try, one can."""
    try:
        file.touch(exist_ok=False)
    except FileExistsError as error:
        raise _taken(file) from error


def _taken(file: Path) -> HarnessError:
    fix = "choose another file with --out, or replace it with --overwrite"
    return HarnessError(f"{file} is there already", why="an existing file is not touched", fix=fix, code=ExitCode.CONFLICT)


def style_of(target: Target) -> Style:
    """How a project writes: the line length of its formatter, and the quotes of the module."""
    text = target.module.text
    width = 88 if target.project is None else _width(target.project / "pyproject.toml")
    double, single = (text.count(sign) - 3 * text.count(3 * sign) for sign in ('"', "'"))
    return Style(width, double >= single)


def _width(file: Path) -> int:
    try:
        read: dict[str, Any] = tomllib.loads(file.read_text("utf-8-sig"))
    except (OSError, ValueError):
        return Style().width
    tools = read.get("tool", {})
    for tool in ("ruff", "black"):
        found = tools.get(tool, {}).get("line-length") if isinstance(tools, dict) else None
        if isinstance(found, int) and found >= 40:
            return found
    return Style().width


def _require_writable(file: Path) -> None:
    folder = next(parent for parent in file.parents if parent.exists())
    if file.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        why = "it is a folder" if file.is_dir() else f"{folder} is not a folder that can be written"
        fix = "get the right to write there, or name another file with --out"
        raise HarnessError(f"cannot write {file}", why=why, fix=fix, code=ExitCode.STORAGE)
