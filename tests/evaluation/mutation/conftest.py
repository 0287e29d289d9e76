from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def bytecode(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the started processes fill themselves."""
    return tmp_path_factory.mktemp("bytecode")
