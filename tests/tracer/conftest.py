"""Two processes for the whole folder: the tracer, and a real training that it is held against."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from traced_cases import CASES, ON_CUDA, WRITTEN

from harness.guard.traced import trace_all
from harness.tracer.request import Traced


@pytest.fixture(scope="session")
def measuring(tiny_model: Path) -> Iterator[subprocess.Popen[str]]:
    """Real trainings and writings of every case, running while the tracer traces them."""
    argv = [sys.executable, "-W", "ignore", str(Path(__file__).with_name("real_training.py")), str(tiny_model)]
    environ = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(argv, text=True, env=environ, **pipes) as process:
        assert process.stdin is not None
        process.stdin.write("".join(request.to_json() + "\n" for request in (CASES | WRITTEN).values()))
        process.stdin.close()
        process.stdin = None
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture(scope="session")
def traced(measuring: subprocess.Popen[str]) -> dict[str, Traced]:
    """Answers by the name of the case."""
    cases = CASES | WRITTEN | ON_CUDA
    return dict(zip(cases, trace_all(list(cases.values()), os.environ, 300.0), strict=True))


@pytest.fixture(scope="session")
def real_peaks(traced: dict[str, Traced], measuring: subprocess.Popen[str]) -> dict[str, int]:
    """Bytes alive in reality, by the name of the case."""
    output, errors = measuring.communicate(timeout=300)
    assert measuring.returncode == 0, errors[-2000:]
    return dict(zip(CASES | WRITTEN, map(int, output.split()), strict=True))
