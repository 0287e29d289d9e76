"""What `harness generate` is asked for, and the choice of what writes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from harness.core.errors import HarnessError
from harness.files.places import expanded
from harness.sweep.writing import ADAPTER_CONFIG, Writing

BASE = "base:"


@dataclass(frozen=True, slots=True)
class GenerateAsked:
    """What to write, with what, and where to.

    Attributes:
        target: ``path/file.py``, with ``::function`` or ``::Class.method`` behind it or not.
        writer: ``base:MODEL`` or the folder of a finished adapter.
        out: The file to write; None for where the project's layout puts it.
        overwrite: Whether an existing file may be replaced.
        dry_run: Print the file instead of writing it.
        budget_s: Seconds for everything, or None.
        mutants: Per function, at most.
        writing: How it is written; adapter, base and time follow from the rest.
    """

    target: str
    writer: str
    out: Path | None
    overwrite: bool
    dry_run: bool
    budget_s: float | None
    mutants: int
    writing: Writing


def writer_named(name: str, writing: Writing) -> Writing:
    """The one place that says what a writer's name means.

    Args:
        name: ``base:MODEL`` or the folder of a finished adapter.
        writing: How it is written.

    Raises:
        HarnessError: BAD_INPUT when there is no such writer.
    """
    if name.startswith(BASE):
        return replace(writing, adapter=None, base=name.removeprefix(BASE))
    folder = expanded(name)
    if (folder / ADAPTER_CONFIG).is_file():
        return replace(writing, adapter=folder)
    why = f"{folder} holds no {ADAPTER_CONFIG}" if folder.is_dir() else "no such folder"
    raise HarnessError(f"unknown writer {name}", why=why, fix="name the folder of a finished adapter, or base:MODEL")
