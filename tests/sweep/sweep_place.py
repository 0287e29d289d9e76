"""A whole sweep with nothing downloaded: tiny random models, six functions, and the real command in a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
from own_processes import gone, words

FUNCTIONS = 24


def write_functions(path: Path) -> Path:
    rows = []
    for n in range(FUNCTIONS):
        tests = [f"def test_{i}():\n    assert add_{n}({i}) == {i + n}\n" for i in range(3)]
        source = f"def add_{n}(x):\n    return x + {n}\n" if n % 2 else f"def add_{n}(x):\n    return {n} + x\n"
        rows.append({"id": f"t/{n}", "entry_point": f"add_{n}", "source": source, "oracle_tests": tests})
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def stocked(folder: Path, migrated: Path) -> Path:
    """A folder with an MLflow store in it that has its tables already."""
    (folder / "mlruns").mkdir()
    shutil.copyfile(migrated / "mlflow.db", folder / "mlruns" / "mlflow.db")
    return folder


class Place:
    """An empty folder to sweep in."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self.folder = folder
        self.data = write_functions(folder / "functions.jsonl")
        self.environ = {**os.environ, "HARNESS_CACHE": str(cache), "OMP_NUM_THREADS": "1"}

    def write(self, name: str, model: Path, **sections: Any) -> Path:
        """Write a sweep file; sections override the small defaults."""
        values: dict[str, Any] = {
            "model": {"name": str(model), "dtype": "float32"},
            "data": {
                "source": f"jsonl:{self.data}",
                "splits": {"train": 0.4, "validation": 0.2, "selection": 0.2, "test": 0.2},
                "limits": {"train": 4, "validation": 2, "selection": 1, "test": 2},
            },
            "space": {"r": {"low": 2, "high": 8}, "learning_rate": {"low": 1e-4, "high": 1e-2, "log": True}},
            "training": {"r": 4, "max_steps": 2, "max_length": 512, "max_completion_tokens": 300},
            "generation": {"max_new_tokens": 8},
            "evaluation": {"mutants_per_function": 3},
            "guard": {"device": "cpu", "budget": "6GiB"},
            "study": {"n_trials": 1},
        }
        path = self.folder / f"{name}.yaml"
        path.write_text(json.dumps(values | sections), "utf-8")  # JSON is YAML
        return path

    def harness(self, *arguments: str, timeout: float = 280) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        command = [sys.executable, "-m", "harness", *arguments]
        return subprocess.run(
            command, cwd=self.folder, env=self.environ, capture_output=True, text=True, timeout=timeout, check=False
        )

    def start(self, *arguments: str) -> Running:
        """Start a command whose events can be waited for."""
        return Running([sys.executable, "-m", "harness", *arguments, "--json"], self.folder, self.environ)


class Running:
    """A sweep under way, read event by event."""

    def __init__(self, command: list[str], folder: Path, environ: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            command, cwd=folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        self.family: set[int] = set()

    def until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The first event that is wanted."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            event: dict[str, Any] = json.loads(line)
            if self.process.poll() is None:
                self.family |= {p.pid for p in psutil.Process(self.process.pid).children(recursive=True)}
            if wanted(event):
                return event
        _, errors = self.process.communicate()
        raise AssertionError(f"the sweep ended first ({self.process.returncode}): {errors[-2000:]}")

    def training(self, label: str) -> int:
        """Wait until a trial trains; returns its process id."""
        self.until(lambda e: e["event"] == "trial_progress" and e["label"] == label and e["phase"] == "train")
        found = [p for p in psutil.Process(self.process.pid).children(recursive=True) if "harness.trial" in words(p)]
        assert len(found) == 1
        return found[0].pid

    def finish(self) -> tuple[int, list[dict[str, Any]]]:
        """Wait for the end; returns exit code and the remaining events."""
        out, _ = self.process.communicate(timeout=280)
        return self.process.returncode, [json.loads(line) for line in out.splitlines()]

    def gone(self, seconds: float = 15.0) -> bool:
        """True when nothing that the sweep ever started is alive any more."""
        return gone(self.family, seconds)

    def kill(self) -> None:
        """SIGKILL the sweep itself."""
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()
