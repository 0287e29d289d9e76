"""Fixtures for more than one folder: real data beside the project, and a migrated study store to copy."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Public data sets; a test that needs them skips where they are absent."""
    place = Path(os.environ.get("HARNESS_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not place.is_dir():
        pytest.skip(f"no shared data at {place} (set HARNESS_SHARED_DATA)")
    return place


@pytest.fixture(scope="session")
def _migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from harness.study.store import open_storage

    path = tmp_path_factory.mktemp("store") / "study.db"
    open_storage(f"sqlite:///{path}")
    return path


@pytest.fixture
def new_study_url(_migrated: Path, tmp_path: Path) -> Callable[[], str]:
    """Makes URLs of empty study stores; copying one takes milliseconds, migrating one a second."""
    made = 0

    def make() -> str:
        nonlocal made
        made += 1
        path = tmp_path / f"study-{made}.db"
        shutil.copyfile(_migrated, path)
        return f"sqlite:///{path}"

    return make
