"""Owns where a code base is: its files, version and licence. Reads files and metadata; imports and runs nothing of it."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
from dataclasses import dataclass
from pathlib import Path

from harness.core.errors import ExitCode, HarnessError
from harness.data.harvest.declared import declared
from harness.data.harvest.licences import UNKNOWN, licence_of_folder, licence_of_metadata

_HIDDEN = frozenset({"__pycache__", "node_modules", "build", "dist", "site-packages", "venv", "env"})


@dataclass(frozen=True, slots=True)
class CodeBase:
    """A package or checkout.

    Attributes:
        name: What ids start with.
        origin: Name and version.
        licence: SPDX identifier, or ``unknown``.
        folder: Everything read lies below it.
        files: Its Python files, sorted.
        importable: Whether the sandbox can import it.
    """

    name: str
    origin: str
    licence: str
    folder: Path
    files: tuple[Path, ...]
    importable: bool

    def digest(self) -> str:
        """sha256, hex, of the names and bytes of all files."""
        found = hashlib.sha256(f"{self.origin}|{self.licence}".encode())
        for file in self.files:
            data = file.read_bytes()
            found.update(f"{file.relative_to(self.folder)}|{len(data)}|".encode() + data)
        return found.hexdigest()

    def module_name(self, file: Path) -> str:
        """The dotted name a file is imported by, as its ``__init__.py`` files say."""
        return ".".join(file.relative_to(self.import_root(file)).with_suffix("").parts).removesuffix(".__init__")

    def import_root(self, file: Path) -> Path:
        """The folder that has to be on the path for that."""
        root = file.parent
        while (root / "__init__.py").is_file():
            root = root.parent
        return root


def find_package(name: str) -> CodeBase:
    """An installed package, by its import name.

    Raises:
        HarnessError: ENVIRONMENT when it is not installed; BAD_INPUT when it holds no Python.
    """
    # find_spec of a top-level name only looks.
    spec = importlib.util.find_spec(name) if name.isidentifier() else None
    if spec is None:
        raise HarnessError(
            f"there is no installed package {name!r}",
            why="Python cannot find it" if name.isidentifier() else "an import name has no dots, dashes or slashes",
            fix=f"pip install it, or give a checkout as repo:PATH ({name!r} is taken as the name after `import`)",
            code=ExitCode.ENVIRONMENT,
        )
    places = list(spec.submodule_search_locations or [])
    if not places and not (spec.origin or "").endswith(".py"):
        raise HarnessError(f"the package {name!r} holds no Python source", why=f"found {spec.origin}", fix="name another package")
    folder = Path(places[0]) if places else Path(str(spec.origin))
    files = _python_files(folder) if places else (folder,)
    version, licence = _metadata(name)
    return _checked(CodeBase(name, f"{name} {version}".strip(), licence, folder if places else folder.parent, files, True))


def find_repository(path: Path) -> CodeBase:
    """A checkout.

    Raises:
        HarnessError: if there is no such folder, or no Python in it.
    """
    folder = path.expanduser().absolute()
    if not folder.is_dir():
        raise HarnessError(f"there is no folder {folder}", why="repo:PATH takes a folder", fix="give the path of a checkout")
    said = declared(folder)
    origin = f"{said.name or folder.name} {said.version or _commit(folder)}".strip()
    licence = said.licence if said.licence != UNKNOWN else licence_of_folder(folder)
    return _checked(CodeBase(folder.name, origin, licence, folder, _python_files(folder), False))


def _checked(found: CodeBase) -> CodeBase:
    if not found.files:
        raise HarnessError(f"no Python files in {found.folder}", why="there is nothing to harvest", fix="give another folder")
    return found


def _python_files(folder: Path) -> tuple[Path, ...]:
    """Links are not followed: a checkout could point anywhere."""
    found: list[Path] = []
    pending = [folder]
    while pending:
        for path in sorted(pending.pop().iterdir()):
            if path.is_symlink() or path.name.startswith(".") or path.name in _HIDDEN:
                continue
            if path.is_dir():
                pending.append(path)
            elif path.suffix == ".py":
                found.append(path)
    return tuple(sorted(found))


def _metadata(name: str) -> tuple[str, str]:
    """Version and licence of the distribution that an import name comes from; empty and ``unknown`` where none says."""
    owners = importlib.metadata.packages_distributions().get(name, [])
    if not owners:
        return "", "unknown"
    distribution = importlib.metadata.distribution(owners[0])
    return distribution.version, licence_of_metadata(distribution)


def _commit(folder: Path) -> str:
    """The first 12 digits of the checked-out commit, read from the files: no program of the checkout's choice is started."""
    try:
        head = (folder / ".git" / "HEAD").read_text("utf-8").strip()
        if head.startswith("ref: "):
            head = (folder / ".git" / head.removeprefix("ref: ")).read_text("utf-8").strip()
    except (OSError, ValueError):
        return ""
    return head[:12] if len(head) == 40 and head.isalnum() else ""
