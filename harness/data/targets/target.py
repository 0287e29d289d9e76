"""Owns what ``path/file.py::name`` means: the file, read and parsed, and where it stands in which project. Runs nothing."""

from __future__ import annotations

import sysconfig
from dataclasses import dataclass
from pathlib import Path

from harness.core.errors import ExitCode, HarnessError
from harness.data.harvest.modules import Module
from harness.files.places import absolute, reason

MARKS = ("pyproject.toml", "setup.py", "setup.cfg", ".git")
"""What stands in the folder that a project begins with."""
_INSTALLED = ("site-packages", "dist-packages")


@dataclass(frozen=True, slots=True)
class Target:
    """A module to test.

    Attributes:
        file: Its file, absolute.
        module: The same, read; its name is the one that it is imported by.
        import_root: The folder that has to be on the path for that.
        project: The folder that the project begins with; None for an installed package.
        asked: ``function``, ``Class`` or ``Class.method``; None for everything public in the file.
    """

    file: Path
    module: Module
    import_root: Path
    project: Path | None
    asked: str | None

    @property
    def installed(self) -> bool:
        """Whether it can be imported from where it is, and is nobody's to write into."""
        return self.project is None


def open_target(written: str) -> Target:
    """What a person named.

    Args:
        written: ``path/file.py``, ``path/file.py::function``, ``path/file.py::Class`` or ``path/file.py::Class.method``.

    Raises:
        HarnessError: BAD_INPUT for a file that does not exist, is no Python or does not parse.
    """
    path, _, name = written.partition("::")
    file = absolute(path)
    if file.suffix != ".py" or not file.is_file():
        why = "it is a folder" if file.is_dir() else "it does not end in .py" if file.is_file() else f"there is no file {file}"
        fix = "give path/file.py, path/file.py::function or path/file.py::Class.method"
        raise HarnessError(f"{written} is no target", why=why, fix=fix)
    root = import_root(file)
    module = Module(module_name(file, root), file.name, _text(file), file.name == "__init__.py")
    _parsed(module, written)
    return Target(file, module, root, _project(file, root), name.replace("::", ".") or None)


def import_root(file: Path) -> Path:
    """The folder from which a file is imported: the first one upwards that is no package."""
    root = file.parent
    while (root / "__init__.py").is_file():
        root = root.parent
    return root


def module_name(file: Path, root: Path) -> str:
    """The dotted name that a file is imported by."""
    return ".".join(file.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8-sig")
    except OSError as error:
        raise HarnessError(
            f"{file} cannot be read", why=reason(error), fix="get the right to read it", code=ExitCode.STORAGE
        ) from error
    except UnicodeDecodeError as error:
        raise HarnessError(f"{file} is no Python", why=f"it is not UTF-8: {error.reason}", fix="name another file") from error


def _parsed(module: Module, written: str) -> None:
    try:
        _ = module.body
    except SyntaxError as error:
        why = f"line {error.lineno}: {error.msg}"
        raise HarnessError(f"{written} does not parse", why=why, fix="correct the file") from error
    except ValueError as error:
        raise HarnessError(f"{written} does not parse", why=str(error), fix="correct the file") from error
    if not all(part.isidentifier() for part in module.name.split(".")):
        fix = "rename the file or folder so that Python can import it"
        raise HarnessError(f"{written} cannot be imported", why=f"{module.name!r} is no name of a module", fix=fix)


def _project(file: Path, root: Path) -> Path | None:
    """The nearest folder upwards with a mark, else the import root; None for what was installed."""
    library = Path(sysconfig.get_path("stdlib"))
    if any(part in _INSTALLED for part in file.parts) or file.is_relative_to(library):
        return None
    marked = (folder for folder in file.parents if any((folder / mark).exists() for mark in MARKS))
    return next(marked, root)
