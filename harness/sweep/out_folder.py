"""Owns which folder a finished adapter or model may be written to: looked at before the work, not after it."""

from __future__ import annotations

import os
from pathlib import Path

from harness.core.errors import ExitCode, HarnessError
from harness.files.adapter_files import CHECKSUMS_FILE
from harness.files.places import expanded
from harness.sweep.located import Located
from harness.sweep.paths import Paths


def checked_out(out: Path, located: Located, paths: Paths, *, overwrite: bool) -> Path:
    """The folder to write, absolute.

    Args:
        out: As a person named it.
        located: What is going to be written there.
        paths: Whose stores are not to be written into.
        overwrite: An earlier export there may be replaced; anything else never is.

    Raises:
        HarnessError: BAD_INPUT for a place that belongs to something else, CONFLICT where something lies there, STORAGE where
            nothing can be written.
    """
    target = expanded(out).absolute()
    for taken, what in _taken(located, paths):
        if target.resolve().is_relative_to(taken) or taken.is_relative_to(target.resolve()):
            fix = "name a folder of your own with --out"
            raise HarnessError(f"{out} cannot be written", why=f"it belongs to {what}: {taken}", fix=fix)
    _require_free(target, overwrite=overwrite)
    _require_writable(target)
    return target


def _taken(located: Located, paths: Paths) -> list[tuple[Path, str]]:
    """Folders that belong to somebody, with whom."""
    taken = [
        (paths.artifacts.resolve(), "the artifact store of MLflow"),
        (paths.trials.resolve(), "the trials"),
        (located.folder.resolve(), "the adapter itself"),
    ]
    uri = located.version.artifact_uri if located.version else ""
    if uri.startswith("file://"):
        taken.append((Path(uri.removeprefix("file://")).resolve(), "the artifact store of MLflow"))
    return taken


def _require_free(target: Path, *, overwrite: bool) -> None:
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return
    exported = (target / CHECKSUMS_FILE).is_file()
    if overwrite and exported:
        return
    why = "it is an earlier export" if exported else "it holds something that harness did not export"
    fix = "name another folder, or replace it with --overwrite" if exported else "name another folder, or empty it yourself"
    raise HarnessError(f"{target} is in the way", why=why, fix=fix, code=ExitCode.CONFLICT)


def _require_writable(target: Path) -> None:
    """Make and remove a folder where it is going to be built."""
    trial = target.with_name(f".{target.name}.writable-{os.getpid()}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        trial.mkdir()
        trial.rmdir()
    except OSError as error:
        raise HarnessError(
            f"{target} cannot be written",
            why=f"{error.strerror or error}: {target.parent}",
            fix="name a folder that can be written with --out, or change its permissions",
            code=ExitCode.STORAGE,
        ) from error
