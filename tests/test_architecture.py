"""Rules that no single module can keep: what the parent process may import."""

from __future__ import annotations

import subprocess
import sys

CHILD_ONLY = ("torch", "transformers", "peft", "trl", "bitsandbytes", "accelerate")

PROBE = f"""
import importlib, pkgutil, sys
import harness, evaluation
import harness.__main__, harness.cli, harness.sweep.command, harness.doctor
for name in ("core", "config", "data", "guard", "study", "tracking", "console", "sweep"):
    package = importlib.import_module("harness." + name)
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not module.name.endswith(".keeper"):
            importlib.import_module(module.name)
print([name for name in {CHILD_ONLY!r} if name in sys.modules])
"""


def test_the_parent_never_imports_torch() -> None:
    """It would hold a CUDA context, and a child's crash could take the study with it."""
    done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip() == "[]"


def test_help_is_quick_because_nothing_heavy_is_imported() -> None:
    heavy = ("mlflow", "optuna", "pandas", "matplotlib", "pydantic")
    code = f"import sys, harness.cli; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
