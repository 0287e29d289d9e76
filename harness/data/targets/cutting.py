"""Owns how the functions of a target are cut out as modules of their own. What surrounds them is read when it is needed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.data.harvest.candidates import slices
from harness.data.harvest.modules import Module
from harness.data.harvest.slicing import SliceError
from harness.data.targets.choosing import LeftOut, Wanted
from harness.data.targets.target import Target, module_name

_HIDDEN = frozenset({"__pycache__", "node_modules", "build", "dist", "site-packages", "venv", "env"})


@dataclass(frozen=True, slots=True)
class Cut:
    """A function as a module of its own.

    Attributes:
        name: ``function`` or ``Class.method``.
        sources: The module, cut out in different ways; the first that can be imported is taken.
    """

    name: str
    sources: tuple[str, ...]


def cut_out(target: Target, wanted: Wanted) -> Cut | LeftOut:
    """One function, or why it cannot be cut out."""
    siblings = None if target.installed else Siblings(target)
    problems: list[SliceError] = []
    try:
        found = [one.source for one in slices(target.module, wanted.definition, siblings, problems)]
    except (SyntaxError, ValueError, RecursionError) as error:
        return LeftOut(wanted.name, f"it cannot be compiled: {error}")
    if not found:
        return LeftOut(wanted.name, str(problems[0]))
    return Cut(wanted.name, tuple(dict.fromkeys(found)))


class Siblings(Mapping[str, Module]):
    """The modules that a checkout is imported from, by dotted name, each read when it is asked for.

    Args:
        target: One of them.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        top = target.module.name.split(".")[0]
        folder = target.import_root / top
        inside = _python_files(folder) if folder.is_dir() else ()
        beside = (file for file in target.import_root.glob("*.py"))
        self._files = {module_name(file, target.import_root): file for file in (*beside, *inside)}
        self._read: dict[str, Module] = {target.module.name: target.module}

    def __getitem__(self, name: str) -> Module:
        if name not in self._read:
            file = self._files[name]
            try:
                text = file.read_text("utf-8-sig")
            except (OSError, UnicodeDecodeError) as error:
                raise SliceError(f"it needs {name}, which cannot be read") from error
            self._read[name] = Module(name, file.name, text, file.name == "__init__.py")
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


def _python_files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_symlink() or path.name.startswith(".") or path.name in _HIDDEN:
            continue
        if path.is_dir():
            yield from _python_files(path)
        elif path.suffix == ".py":
            yield path
