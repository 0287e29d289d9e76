from __future__ import annotations

import subprocess
from pathlib import Path

from harness.tracking.provenance import git_tags, provenance_tags


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_commit_and_dirtiness(tmp_path: Path) -> None:
    git(tmp_path, "init")
    git(tmp_path, "commit", "--allow-empty", "-m", "first")
    clean = git_tags(tmp_path)
    assert clean == {"mlflow.source.git.commit": git(tmp_path, "rev-parse", "HEAD"), "mlflow.source.git.dirty": "false"}
    (tmp_path / "new").write_text("")
    assert git_tags(tmp_path)["mlflow.source.git.dirty"] == "true"


def test_outside_a_repository_there_is_no_commit(tmp_path: Path) -> None:
    assert git_tags(tmp_path) == {}
    tags = provenance_tags(tmp_path)
    assert int(tags["hardware.memory_bytes"]) > 2**28
    assert tags["version.mlflow"].startswith("3.")
