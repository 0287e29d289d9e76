from __future__ import annotations

from pathlib import Path

import pytest
from batch_place import BatchPlace


@pytest.fixture(scope="session")
def batch_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all tests: most of them hold the same functions out."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def batches(tmp_path: Path, batch_cache: Path) -> BatchPlace:
    return BatchPlace(tmp_path, batch_cache)
