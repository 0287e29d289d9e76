"""The files of a registered version: where they were exported to, or fetched from the store."""

from __future__ import annotations

from pathlib import Path

from mlflow.artifacts import download_artifacts

from harness.core.errors import ExitCode, HarnessError
from harness.tracking.registry import ADAPTER_FILE, Version, adapter_sha256
from harness.tracking.store import Store


def files_of(store: Store, version: Version) -> Path:
    """A folder that holds the very weights that were registered.

    Raises:
        HarnessError: STORAGE when neither the folder that it was exported to nor the store holds them.
    """
    exported = Path(version.tags.get("folder", ""))
    if _holds(exported, version):
        return exported
    try:
        found = Path(download_artifacts(version.artifact_uri, tracking_uri=store.tracking_uri))
    except Exception as error:
        raise _gone(version, f"{type(error).__name__}: {error}") from error
    if not _holds(found, version):
        raise _gone(version, f"{found} does not hold the weights that were registered")
    return found


def _holds(folder: Path, version: Version) -> bool:
    return (folder / ADAPTER_FILE).is_file() and adapter_sha256(folder) == version.adapter_sha256


def _gone(version: Version, why: str) -> HarnessError:
    return HarnessError(
        f"the files of {version.name} version {version.number} are gone",
        why=why,
        fix="restore them, or go back to the version before with `harness rollback`",
        code=ExitCode.STORAGE,
    )
