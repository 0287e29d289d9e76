"""From what a person names to a folder that holds the adapter, whole: a folder, or a version in the registry.

Owns the way there: the folder a version was exported to where it still holds the same weights, else the version's own files,
fetched into the cache once. Nothing is handed out whose checksums do not hold.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.core.errors import ExitCode, HarnessError
from harness.core.lineage import Lineage
from harness.files.adapter_files import ADAPTER_CONFIG, LINEAGE_FILE, WEIGHTS_FILE, read_lineage, verify
from harness.files.cache import default_cache_root, published
from harness.files.places import expanded
from harness.sweep.paths import Paths
from harness.tracking.registered import Registered
from harness.tracking.versions import Asked, Registry, parse_version

FORMS = "an adapter folder, or NAME, NAME@alias, NAME/3 of a registered one"


@dataclass(frozen=True, slots=True)
class Located:
    """An adapter on this disk.

    Attributes:
        folder: Holds it; its checksums hold.
        version: What it is in the registry; None for a folder.
        lineage: Where it comes from, as the folder says; None where it does not.
    """

    folder: Path
    version: Registered | None = None
    lineage: Lineage | None = None


def locate(given: str, paths: Paths, environ: Mapping[str, str] | None = None) -> Located:
    """Find an adapter.

    Args:
        given: An adapter folder, which wins over a name of the same spelling; else ``NAME`` (its champion), ``NAME@alias`` or
            ``NAME/3``.
        paths: Whose tracking store holds the registry.
        environ: Says where the cache is; None is this process's.

    Raises:
        HarnessError: BAD_INPUT where nothing of that name is there, NO_RESULT where there is no champion yet, STORAGE where it
            is damaged or its files are gone.
    """
    folder = expanded(given)
    if folder.is_dir():
        return _of_folder(folder.absolute())
    asked = parse_version(given)
    if asked is None:
        raise HarnessError(f"there is no adapter at {given}", why="no such folder", fix=f"name {FORMS}")
    return fetch(Registry.at(paths.tracking_uri), asked, os.environ if environ is None else environ)


def is_adapter(folder: Path) -> bool:
    """Whether a folder means to be an adapter."""
    return (folder / ADAPTER_CONFIG).is_file()


def fetch(registry: Registry, asked: Asked, environ: Mapping[str, str]) -> Located:
    """A registered version's folder.

    Raises:
        HarnessError: as `locate`.
    """
    version = registry.find(asked)
    if is_published(version):
        exported = Path(version.tags["folder"])
        return Located(exported, version, read_lineage(exported))
    folder = _cached(registry, version, default_cache_root(environ))
    return Located(folder, version, read_lineage(folder))


def _of_folder(folder: Path) -> Located:
    if not is_adapter(folder) and (folder / LINEAGE_FILE).is_file() and any(folder.glob("model*.safetensors")):
        fix = f"name {FORMS}; generate and evaluate take it as base:{folder}"
        raise HarnessError(f"{folder} is no adapter", why="it is a merged model, exported with --merged", fix=fix)
    if not is_adapter(folder) or not (folder / WEIGHTS_FILE).is_file():
        missing = WEIGHTS_FILE if is_adapter(folder) else ADAPTER_CONFIG
        damaged = (folder / LINEAGE_FILE).is_file()
        code = ExitCode.STORAGE if damaged else ExitCode.BAD_INPUT
        raise HarnessError(f"{folder} is no adapter", why=f"{missing} is not there", fix=f"name {FORMS}", code=code)
    lineage = read_lineage(folder)
    verify(folder, lineage.adapter_sha256 if lineage else None)
    return Located(folder, None, lineage)


def is_published(version: Registered) -> bool:
    """Whether the exported folder of a version still is what was registered."""
    folder = version.tags.get("folder")
    return bool(folder) and _is_whole(Path(str(folder)), version.adapter_sha256)


def _is_whole(folder: Path, weights_sha256: str) -> bool:
    """Whether an exported folder still is what was registered; if not, the registry's own copy is taken."""
    try:
        verify(folder, weights_sha256 or None)
    except HarnessError:
        return False
    return is_adapter(folder) and (folder / WEIGHTS_FILE).is_file()


def _cached(registry: Registry, version: Registered, cache: Path) -> Path:
    """The version's own files, in the cache by the hash of their weights. A damaged copy there is fetched again."""
    key = f"adapters/{version.adapter_sha256 or f'{version.name}-{version.number}'}"

    def build(folder: Path) -> None:
        registry.fetch(version, folder)
        if not is_adapter(folder):
            raise HarnessError(
                f"the files of {version} are gone",
                why=f"{version.artifact_uri} holds no {ADAPTER_CONFIG}",
                fix="restore the artifacts of the MLflow store from a backup, or promote the trial again",
                code=ExitCode.STORAGE,
            )
        verify(folder, version.adapter_sha256 or None, f"{version} in the registry: {version.artifact_uri}")

    folder = published(cache, key, build)
    if not _is_whole(folder, version.adapter_sha256):
        shutil.rmtree(folder, ignore_errors=True)
        folder = published(cache, key, build)
    return folder
