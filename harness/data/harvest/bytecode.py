"""Owns the compiled modules of harvested packages: the sandbox cannot write any, and would compile sympy anew for every suite."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from evaluation.bytecode import clean_environment, python
from harness.data.suites.syntax import parse

TIMEOUT_S = 600.0
_TESTS = r"[/\\]tests?[/\\]"


def compile_for(codes: Iterable[str], bytecode: Path, workers: int) -> None:
    """Compile the installed packages that some modules import, which runs none of them. What is up to date stays.

    Args:
        codes: Sources and suites that parse.
        bytecode: The folder that the sandbox reads compiled modules from.
        workers: Processes.
    """
    names = {name for code in codes for name in _imported(code)} - sys.stdlib_module_names - {"solution", "pytest"}
    folders = [folder for name in sorted(names) for folder in _folders(name)]
    if folders:
        command = [*python(bytecode, trusted=True), "-m", "compileall", "-q", "-q", "-x", _TESTS, "-j", str(workers), *folders]
        # A module that does not compile makes its exit status 1; the modules that do are all that matters.
        subprocess.run(command, env=clean_environment(), capture_output=True, timeout=TIMEOUT_S, check=False)


def _imported(code: str) -> Iterable[str]:
    for node in ast.walk(parse(code)):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]


def _folders(name: str) -> list[str]:
    """Of an installed package. Looking for a top-level name imports nothing."""
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return []
    if spec is None:
        return []
    if spec.submodule_search_locations:
        return list(spec.submodule_search_locations)
    return [spec.origin] if spec.origin and spec.origin.endswith(".py") else []
