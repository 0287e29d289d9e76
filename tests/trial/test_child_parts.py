"""Runs every check of the *_checks.py beside it, each in a fresh fork with torch loaded."""

from __future__ import annotations

import ast
import shutil
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent
CHECKS = [
    (module, node.name)
    for module in ("child_checks", "data_checks", "widened_checks", "writing_checks")
    for node in ast.parse((FOLDER / f"{module}.py").read_text("utf-8")).body
    if isinstance(node, ast.FunctionDef) and [argument.arg.lstrip("_") for argument in node.args.args] == ["tiny"]
]


@pytest.mark.parametrize(("module", "check"), CHECKS)
def test_child_part(module: str, check: str, fork_server: Any, tiny_model: Path, tmp_path: Path) -> None:
    tiny, log = tmp_path / "tiny", tmp_path / "log.txt"
    shutil.copytree(tiny_model, tiny)
    code = (
        f"import sys; sys.path.insert(0, {str(FOLDER)!r}); from harness.trial.process import hush; hush()\n"
        f"import {module}; from pathlib import Path; {module}.{check}(Path({str(tiny)!r}))"
    )
    started = fork_server.ask(folder=None, log=str(log), preamble=code)
    assert fork_server.ask(pid=started["pid"], seconds=60) == {"code": 0}, log.read_text()[-3000:]


def test_there_are_checks() -> None:
    assert len(CHECKS) >= 20
