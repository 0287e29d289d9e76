"""A compiled NVML for tests."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from guard_support import ScriptedNvml, build_nvml


@pytest.fixture(scope="session")
def nvml_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    _need_compiler()
    return build_nvml(tmp_path_factory.mktemp("nvml"))


@pytest.fixture(scope="session")
def old_nvml_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A driver without the second memory struct and without process lists."""
    _need_compiler()
    return build_nvml(tmp_path_factory.mktemp("old_nvml"), "MEMORY_V2", "PROCESSES")


@pytest.fixture
def nvml(nvml_library: Path, tmp_path: Path) -> ScriptedNvml:
    return _scripted(nvml_library, tmp_path)


@pytest.fixture
def old_nvml(old_nvml_library: Path, tmp_path: Path) -> ScriptedNvml:
    return _scripted(old_nvml_library, tmp_path)


def _scripted(library: Path, folder: Path) -> ScriptedNvml:
    state = folder / f"state_of_{library.name}"
    state.mkdir()
    return ScriptedNvml(library, state)


def _need_compiler() -> None:
    if shutil.which("gcc") is None:
        pytest.skip("gcc is needed to build the scripted NVML (apt install gcc)")
