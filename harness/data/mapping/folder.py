"""Owns the folder that a command hands to a person: there whole or not at all, and never written over."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from harness.core.errors import ExitCode, HarnessError
from harness.files.places import writing


def write_folder(out: Path, build: Callable[[Path], None]) -> bool:
    """Make a folder under a hidden name beside its place, then rename it.

    Args:
        out: Where it is to be; its parent is made if absent.
        build: Fills the empty folder it is given; the same input gives the same bytes.

    Returns:
        Whether it was written; False where a folder with exactly this content is there already.

    Raises:
        HarnessError: CONFLICT when something else is there; STORAGE when it cannot be written.
    """
    if out.exists() and not out.is_dir():
        raise _conflict(out, "there is a file of that name")
    with writing(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{out.name}.building-", dir=out.parent))
    try:
        build(temporary)
        with writing(out):
            temporary.chmod(0o755)
            if out.is_dir() and any(out.iterdir()):
                if difference := _difference(out, temporary):
                    raise _conflict(out, difference)
                return False
            temporary.rename(out)  # takes the place of an empty folder, and of nothing else
            return True
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _difference(old: Path, new: Path) -> str:
    """The first difference between two folders, in words; empty where there is none."""
    names = [{path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} for folder in (old, new)]
    if odd := sorted(names[0] ^ names[1]):
        return f"{odd[0]} is {'only there' if odd[0] in names[0] else 'not there'}"
    changed = (name for name in sorted(names[0]) if (old / name).read_bytes() != (new / name).read_bytes())
    name = next(changed, "")
    return f"{name} differs" if name else ""


def _conflict(out: Path, why: str) -> HarnessError:
    fix = "give another --out, or remove it"
    return HarnessError(f"{out} is there already, with other content", why=why, fix=fix, code=ExitCode.CONFLICT)
