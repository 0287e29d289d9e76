"""Owns where the tests of a module belong in its project: beside those that are there already. Looks at names; reads no file."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from harness.data.targets.target import Target

_HIDDEN = frozenset({"node_modules", "build", "dist", "site-packages", "venv", "env", "__pycache__"})
_TEST_FOLDERS = ("tests", "test")
_MAX_FOLDERS = 20_000


@dataclass(frozen=True, slots=True)
class Layout:
    """The test files of a project, as paths relative to it.

    Attributes:
        files: Those that pytest would collect.
        folders: Every folder.
        packages: Folders with an ``__init__.py``.
    """

    files: tuple[PurePosixPath, ...]
    folders: frozenset[PurePosixPath]
    packages: frozenset[PurePosixPath]


def place_of(target: Target) -> Path:
    """Where the tests of a target belong.

    Args:
        target: In a project.
    """
    assert target.project is not None  # noqa: S101 - for the type checker
    root = target.project
    module = PurePosixPath(target.file.relative_to(root))
    package = PurePosixPath(target.file.parent.relative_to(target.import_root))
    return root / place(module, package, look(root))


def place(module: PurePosixPath, package: PurePosixPath, tests: Layout) -> PurePosixPath:
    """The same, from the names alone.

    Args:
        module: The file, relative to the project.
        package: Its package, as a folder relative to the import root; ``.`` where it is in none.
        tests: What is there.
    """
    folder = _folder(module.parent, package, tests)
    stem = (module.parent.name if module.stem == "__init__" else module.stem).strip("_") or "module"
    behind = [file for file in tests.files if file.stem.endswith("_test") and not file.stem.startswith("test_")]
    shape = "{}_test.py" if len(behind) > len(tests.files) / 2 else "test_{}.py"
    return folder / _free(shape, stem, package, (folder, tests))


def look(root: Path) -> Layout:
    """The test files of a project."""
    folders: list[PurePosixPath] = []
    files: list[PurePosixPath] = []
    packages: list[PurePosixPath] = []
    for folder, names in _walk(root):
        here = PurePosixPath(os.path.relpath(folder, root))
        folders.append(here)
        packages += [here] * ("__init__.py" in names)
        files += [here / name for name in sorted(names) if is_test_name(name)]
    return Layout(tuple(files), frozenset(folders), frozenset(packages))


def is_test_name(name: str) -> bool:
    """Whether pytest collects a file of this name."""
    return name.endswith(".py") and (name.startswith("test_") or name.endswith("_test.py"))


def _walk(root: Path) -> Iterator[tuple[str, Sequence[str]]]:
    for seen, (folder, inner, names) in enumerate(os.walk(root)):
        inner[:] = sorted(name for name in inner if not name.startswith(".") and name not in _HIDDEN)
        yield folder, names
        if seen > _MAX_FOLDERS:
            return


def _folder(beside: PurePosixPath, package: PurePosixPath, tests: Layout) -> PurePosixPath:
    """The folder, by what the project does: tests in the package, beside the modules, mirrored, or in one folder."""
    used = {file.parent for file in tests.files}
    for name in _TEST_FOLDERS:
        own = beside / name
        if beside != PurePosixPath() and (own in used or own in tests.packages):
            return own
    if beside in used and beside != PurePosixPath():
        return beside
    for name in _TEST_FOLDERS:
        top = PurePosixPath(name)
        inside = {folder for folder in used if folder.is_relative_to(top)}
        if inside or top in tests.folders:
            return _mirrored(top, package, inside)
    return beside if PurePosixPath() in used and beside == PurePosixPath() else PurePosixPath("tests")


def _mirrored(top: PurePosixPath, package: PurePosixPath, used: set[PurePosixPath]) -> PurePosixPath:
    """``tests``, or the folder below it that mirrors the package, with or without the name of the top package."""
    bases = [top, *sorted(folder for folder in used if folder.parent == top and folder.name == "unit")][::-1]
    inner = PurePosixPath(*package.parts[1:])
    for base in bases:
        for mirrored in (base / package, base / inner):
            if mirrored != base and any(folder == mirrored or folder.is_relative_to(mirrored) for folder in used):
                return mirrored
    base = next((base for base in bases if base in used), bases[0])
    apart = {folder for folder in used if folder != base and folder.is_relative_to(base)}
    return base / inner if apart and base not in used else base


def _free(shape: str, stem: str, package: PurePosixPath, there: tuple[PurePosixPath, Layout]) -> str:
    """A name that no test file of another folder has: outside of packages pytest refuses two of the same name."""
    folder, tests = there
    taken = {file.name for file in tests.files if file.parent != folder} if folder not in tests.packages else set()
    names = [shape.format("_".join([*package.parts[len(package.parts) - n :], stem])) for n in range(len(package.parts) + 1)]
    return next((name for name in names if name not in taken), names[-1])
