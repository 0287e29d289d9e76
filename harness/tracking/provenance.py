"""Where a result came from: git state, versions, machine; as tags. Nothing heavy is imported to find a version."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

import psutil

_PACKAGES = ("torch", "transformers", "peft", "trl", "bitsandbytes", "optuna", "mlflow", "coverage", "mutmut")


def provenance_tags(folder: Path) -> dict[str, str]:
    """Tags of a run: git, versions and hardware.

    Args:
        folder: Inside the git work tree whose state is meant; usually the current folder.

    Returns:
        ``mlflow.source.git.commit`` and ``mlflow.source.git.dirty`` (absent outside a work tree), ``version.*`` and
        ``hardware.*``. GPUs are not looked for: the guard owns that door.
    """
    return {"mlflow.source.name": "harness", "mlflow.source.type": "LOCAL", **git_tags(folder), **_versions(), **_hardware()}


def git_tags(folder: Path) -> dict[str, str]:
    """Commit and dirtiness of the work tree around `folder`; empty where git or the repository is absent."""
    commit = _git(folder, "rev-parse", "HEAD")
    if commit is None:
        return {}
    changed = _git(folder, "status", "--porcelain")
    return {"mlflow.source.git.commit": commit, "mlflow.source.git.dirty": "false" if changed == "" else "true"}


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _versions() -> Mapping[str, str]:
    found = {"version.python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[f"version.{package}"] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def _hardware() -> Mapping[str, str]:
    return {
        "hardware.system": f"{platform.system()} {platform.machine()}",
        "hardware.cpus": str(len(os.sched_getaffinity(0))),
        "hardware.memory_bytes": str(psutil.virtual_memory().total),
    }
