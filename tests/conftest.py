"""Fixtures for more than one folder: real data beside the project, and a migrated study store to copy."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from own_processes import remember_others

ROOT = Path(__file__).resolve().parents[1]

_MAKE_MODEL = Path(__file__).with_name("make_tiny_model.py")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    remember_others()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Several workers get the files with slow tests first: nobody waits for the last of them."""
    if hasattr(config, "workerinput"):
        slow = {item.path for item in items if item.get_closest_marker("slow")}
        items.sort(key=lambda item: item.path not in slow)


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


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    subprocess.run([sys.executable, "-P", str(_MAKE_MODEL), str(folder)], check=True, capture_output=True, timeout=120)
    return folder
