"""Running scripts, with and without a compiled NVML, as the tests of this folder do."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


@dataclass(frozen=True)
class MockNvml:
    """A folder with libnvidia-ml.so.1, and the folder that scripts it."""

    library: Path
    state: Path

    def env(self) -> dict[str, str]:
        return {**project_env(), "LD_LIBRARY_PATH": str(self.library), "NVML_MOCK": str(self.state)}

    def run(self, *argv: str) -> str:
        """Run Python under the mock; its stdout."""
        return run_python(argv, self.env())


def project_env() -> dict[str, str]:
    """An environment in which `harness` and this folder can be imported."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(HERE)))}


def run_python(argv: tuple[str, ...], env: Mapping[str, str]) -> str:
    done = subprocess.run((sys.executable, *argv), env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
