"""A compiled NVML for tests."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from guard_support import HERE, MockNvml


@pytest.fixture(scope="session")
def nvml_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("gcc") is None:
        pytest.skip("gcc is needed to build the NVML mock (apt install gcc)")
    folder = tmp_path_factory.mktemp("nvml")
    soname = "libnvidia-ml.so.1"
    flags = ("-shared", "-fPIC", "-O1", "-Wall", "-Werror", f"-Wl,-soname,{soname}")
    subprocess.run(("gcc", *flags, "-o", str(folder / soname), str(HERE / "nvml_mock.c")), check=True)
    return folder


@pytest.fixture
def nvml(nvml_library: Path, tmp_path: Path) -> MockNvml:
    state = tmp_path / "nvml_state"
    state.mkdir()
    return MockNvml(nvml_library, state)
