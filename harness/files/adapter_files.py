"""Owns the files of an adapter's folder that say what it is: harness.json, config.json, checksums.sha256. No torch.

``checksums.sha256`` is what ``sha256sum -c`` reads. The weights themselves are PEFT's business.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from harness.core.errors import ExitCode, HarnessError
from harness.core.lineage import Lineage

WEIGHTS_FILE = "adapter_model.safetensors"
ADAPTER_CONFIG = "adapter_config.json"
LINEAGE_FILE = "harness.json"
SWEEP_FILE = "config.json"
"""The resolved sweep file, beside an adapter."""
CHECKSUMS_FILE = "checksums.sha256"

_LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")


def sha256_of(path: Path) -> str:
    """sha256 of a file's bytes, hex.

    Raises:
        OSError: if it cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def weights_stamp(folder: Path) -> list[list[str | int]]:
    """Name, bytes and time of change (ns) of every file with weights in a model folder: two that differ may hold other weights.

    Unlike `weights_digest` it reads none of them. Empty for what is no folder here.
    """
    return [[file.name, file.stat().st_size, file.stat().st_mtime_ns] for file in _weights(folder)]


def weights_digest(folder: Path) -> str | None:
    """sha256 over the weights of a model folder, names included, hex; None where there are none."""
    files = _weights(folder)
    if not files:
        return None
    named = "".join(f"{sha256_of(file)}  {file.name}\n" for file in files)
    return hashlib.sha256(named.encode()).hexdigest()


def _weights(folder: Path) -> list[Path]:
    return sorted({*folder.glob("*.safetensors"), *folder.glob("pytorch_model*.bin")})


def write_checksums(folder: Path) -> None:
    """Write checksums.sha256 over every other file of a folder, subfolders included."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != CHECKSUMS_FILE)
    lines = [f"{sha256_of(path)}  {path.relative_to(folder).as_posix()}\n" for path in files]
    (folder / CHECKSUMS_FILE).write_text("".join(lines), "utf-8")


def verify(folder: Path, weights_sha256: str | None = None, called: str | None = None) -> None:
    """Make sure that a folder is what was written: every file of checksums.sha256, and the weights.

    Args:
        folder: Of an adapter or a merged model. One without checksums.sha256, which was not exported, has none to break.
        weights_sha256: What the weights have to be, where somebody else knows.
        called: What a person knows the folder by, where that is not its path.

    Raises:
        HarnessError: STORAGE, with the file, and what was expected and found.
    """
    checksums = read_checksums(folder)
    if weights_sha256 is not None:
        checksums = {**checksums, WEIGHTS_FILE: weights_sha256}
    for name, expected in checksums.items():
        try:
            found = sha256_of(folder / name)
        except OSError as error:
            raise _damaged(f"{called or folder}/{name}", f"it cannot be read: {error.strerror}") from error
        if found != expected:
            raise _damaged(f"{called or folder}/{name}", f"its sha256 is {found[:16]}..., {expected[:16]}... was expected")


def read_checksums(folder: Path) -> dict[str, str]:
    """File -> sha256 as checksums.sha256 says; empty where there is none.

    Raises:
        HarnessError: STORAGE where a line is none, or names a file elsewhere.
    """
    file = folder / CHECKSUMS_FILE
    try:
        lines = file.read_text("utf-8").splitlines()
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise _damaged(file, f"it cannot be read: {error}") from error
    found = {}
    for number, line in enumerate(lines, 1):
        read = _LINE.fullmatch(line)
        if read is None or Path(read[2]).is_absolute() or ".." in Path(read[2]).parts:
            raise _damaged(file, f"line {number} is no checksum of a file beside it")
        found[read[2]] = read[1]
    return found


def _damaged(file: Path | str, why: str) -> HarnessError:
    return HarnessError(
        f"the adapter is damaged: {file}",
        why=why,
        fix="restore the file from a backup or another copy, or promote the trial again",
        code=ExitCode.STORAGE,
    )


def read_lineage(folder: Path) -> Lineage | None:
    """Where an adapter came from, as its folder says; None where it says nothing.

    Raises:
        HarnessError: STORAGE when harness.json is there and broken.
    """
    values = read_record(folder)
    if values is None:
        return None
    try:
        return Lineage.from_dict(values)
    except ValueError as error:
        raise _damaged(folder / LINEAGE_FILE, str(error)) from error


def read_record(folder: Path) -> dict[str, Any] | None:
    """harness.json as it is written; None where there is none.

    Raises:
        HarnessError: STORAGE when it is there and broken.
    """
    file = folder / LINEAGE_FILE
    try:
        values = json.loads(file.read_text("utf-8"))
        return dict(values)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise _damaged(file, f"{type(error).__name__}: {error}") from error


def read_sweep_text(folder: Path) -> str | None:
    """The resolved sweep file beside an adapter, as JSON; None where there is none."""
    file = folder / SWEEP_FILE
    return file.read_text("utf-8") if file.is_file() else None
