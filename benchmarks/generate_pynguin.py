"""Pynguin on one cut-out function: a virtual environment of its own, bubblewrap around it, its test file made into a suite."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tempfile
import time
from importlib.metadata import packages_distributions, version
from pathlib import Path

PYNGUIN = "pynguin==0.48.0"
MODULE = "subject"
GRACE_S = 120.0
"""For starting, for its assertions and for writing: its search time is the search's alone."""


def environment(cache: Path, packages: tuple[str, ...]) -> Path:
    """The Python of a virtual environment with Pynguin and the packages in the versions of this one; made where it is missing."""
    folder = cache / "pynguin"
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        owners = packages_distributions()
        pinned = [f"{owner}=={version(owner)}" for package in packages for owner in owners[package][:1]]
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", PYNGUIN, "pytest", *pinned], check=True)
        (folder / "complete").touch()
    return python


def pynguin_suite(python: Path, source: str, seconds: float) -> tuple[str, float, str]:
    """What Pynguin writes for a module.

    Args:
        python: From `environment`.
        source: The module.
        seconds: Of its search.

    Returns:
        A suite that imports ``solution``, or an empty text; the wall seconds it took; why there is none.
    """
    with tempfile.TemporaryDirectory(prefix="pynguin-") as name:
        folder = Path(name)
        (folder / f"{MODULE}.py").write_text(source, "utf-8")
        started = time.monotonic()
        try:
            done = subprocess.run(
                _command(python, folder, seconds), capture_output=True, text=True, timeout=2 * seconds + GRACE_S, check=False
            )
            said = (done.stderr or done.stdout).strip().splitlines()
        except subprocess.TimeoutExpired:
            said = ["it did not end"]
        spent = time.monotonic() - started
        file = folder / f"test_{MODULE}.py"
        if not file.exists():
            return "", spent, next(reversed(said), "it said nothing")[:200]
        return as_suite(file.read_text("utf-8")), spent, ""


def as_suite(text: str) -> str:
    """Pynguin's file with the module under test by the scorer's name, and what it marks as failing told in pytest's other way.

    The scorer takes no test that is expected to fail. Pynguin marks tests so whose call raises what it knows no reason for:
    that is ``pytest.raises(Exception)``.
    """
    named = text.replace(f'sys.modules["{MODULE}"]', "solution")
    tree = ast.parse(re.sub(rf"^import {MODULE}\b", "import solution", named, flags=re.MULTILINE))
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and any("xfail" in ast.unparse(mark) for mark in node.decorator_list):
            node.decorator_list = [mark for mark in node.decorator_list if "xfail" not in ast.unparse(mark)]
            raising = ast.parse("with pytest.raises(Exception):\n    pass").body[0]
            assert isinstance(raising, ast.With)
            raising.body = node.body
            node.body = [raising]
    return ast.unparse(ast.fix_missing_locations(tree)) + "\n"


def _command(python: Path, folder: Path, seconds: float) -> list[str]:
    """Read-only but for its own folder, no network, its own processes."""
    fence = ["bwrap", "--die-with-parent", "--unshare-all", "--new-session", "--ro-bind", "/", "/"]
    fence += ["--dev", "/dev", "--proc", "/proc", "--bind", str(folder), str(folder), "--chdir", str(folder), "--clearenv"]
    environ = {"PATH": os.defpath, "HOME": str(folder), "TMPDIR": str(folder), "PYNGUIN_DANGER_AWARE": "1", "PYTHONHASHSEED": "0"}
    fence += [part for name, value in environ.items() for part in ("--setenv", name, value)]
    options = {"project-path": folder, "output-path": folder, "module-name": MODULE, "maximum-search-time": max(1, int(seconds))}
    asked = [part for name, value in options.items() for part in (f"--{name}", str(value))]
    return [*fence, "--", str(python), "-m", "pynguin", *asked, "--seed", "0"]
