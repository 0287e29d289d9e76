"""A folder of compiled modules for the processes this package starts.

Installers such as uv leave packages uncompiled, and the sandbox cannot write: without this every runner would compile
pytest and coverage anew, which doubles the time of a suite.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from evaluation.cache import key_of
from evaluation.errors import EvaluationError

PACKAGE = Path(__file__).parent
DONE = "complete"
TIMEOUT_S = 120.0
IMPORTS = "evaluation.runner.main", "evaluation.runner.suite_process"


def boot(program: str) -> str:
    """`program` under a bare ``evaluation`` package, whose folder is the first argument.

    The real package would import numpy, which no started process needs.
    """
    return (
        "import sys, types; package = types.ModuleType('evaluation'); package.__path__ = [sys.argv[1]]; "
        f"sys.modules['evaluation'] = package; {program}"
    )


def python(bytecode: Path | None, *, trusted: bool = False) -> list[str]:
    """The interpreter for a started process: no user packages, no current directory.

    Args:
        bytecode: From `compiled`, or None.
        trusted: Let the process add to the folder; never for one that runs suites.
    """
    prefix = [] if bytecode is None else ["-X", f"pycache_prefix={bytecode}"]
    return [sys.executable, "-s", "-P", *([] if trusted else ["-B"]), *prefix]


def clean_environment() -> dict[str, str]:
    """This process's environment without Python's own switches, which would change what a started Python does."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


@contextlib.contextmanager
def compiled(cache_dir: Path | None) -> Iterator[Path]:
    """The folder, filled; kept under `cache_dir` when there is one.

    Raises:
        EvaluationError: if pytest or coverage cannot be imported, or the folder cannot be written.
    """
    with contextlib.ExitStack() as stack:
        if cache_dir is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="evaluation-", ignore_cleanup_errors=True)))
        else:
            versions = [version(name) for name in ("pytest", "coverage", "mutmut", "libcst")]
            folder = cache_dir.absolute() / "bytecode" / key_of(sys.version, sys.prefix, *versions)[:16]
        if not (folder / DONE).exists():
            _fill(folder)
        yield folder


def _fill(folder: Path) -> None:
    program = boot("; ".join(f"import {name}" for name in IMPORTS))
    command = [*python(folder, trusted=True), "-c", program, str(PACKAGE)]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            command, env=clean_environment(), cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_S, check=True
        )
        (folder / DONE).touch()
    except subprocess.CalledProcessError as error:
        why = (error.stderr.strip().splitlines() or [f"exit status {error.returncode}"])[-1]
        raise EvaluationError("the scorer's tools cannot be imported", why=why, fix="install the project's packages") from error
    except OSError as error:
        raise EvaluationError("the cache cannot be written", why=f"{error.strerror}: {folder}", fix="free space") from error
