"""A simulated sweep that can be killed and started again cheaply: forked from a process that has everything imported.

Owns the folder, the sweep file and the forks. A fork is a process of its own, with its own id, and dies of SIGKILL like any
other; what it saves is the import of MLflow and Optuna, some seconds each time.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_HEAVY = (
    "harness.__main__",
    "harness.cli",
    "harness.sweep.command",
    "harness.sweep.fsck",
    "harness.guard.supervise",
    "mlflow.store.tracking.sqlalchemy_store",
    "mlflow.store.db_migrations",
    "harness.tracking.artifacts",
    "datasketch",
    "matplotlib.pyplot",
    "matplotlib.backends.backend_agg",
    "plotly.graph_objects",
    "pandas",
)
_MODEL = {
    "model_type": "llama",
    "architectures": ["LlamaForCausalLM"],
    "vocab_size": 258,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 1024,
    "tie_word_embeddings": False,
}
STUDY = "crash"
OBJECTIVES = ("pass_rate", "branch_coverage", "mutation_score")


def import_all() -> None:
    """Import what a sweep will, before the first fork.

    Raises:
        RuntimeError: a thread runs: a fork of such a process may hang.
    """
    for name in _HEAVY:
        importlib.import_module(name)
    if threading.active_count() > 1:
        raise RuntimeError(f"threads before the first fork: {threading.enumerate()}")


@dataclass(frozen=True, slots=True)
class Stage:
    """A folder with a sweep file in it.

    Attributes:
        root: The folder.
        n_trials: Its budget.
        workers: Simulated ones.
        pace_ms: Real time a segment takes.
        said: Folder for what the processes print; None is the root.
    """

    root: Path
    n_trials: int = 8
    workers: int = 1
    pace_ms: int = 0
    said: Path | None = None

    @property
    def stores(self) -> Path:
        """Where a simulation keeps its databases."""
        return self.root / "mlruns" / "simulated"

    @property
    def temporary(self) -> Path:
        """Where its processes put temporary files."""
        return self.root / "tmp"

    def prepare(self) -> None:
        """Empty the folder, and write the sweep file and the model's configuration."""
        shutil.rmtree(self.root, ignore_errors=True)
        (self.root / "model").mkdir(parents=True)
        self.temporary.mkdir()
        (self.root / "model" / "config.json").write_text(json.dumps(_MODEL), "utf-8")
        (self.root / "sweep.yaml").write_text(json.dumps(self._file()), "utf-8")  # JSON is YAML

    def _file(self) -> dict[str, Any]:
        return {
            "model": {"name": "model", "dtype": "float32"},
            "data": {"source": "jsonl:none.jsonl"},
            "space": {
                "r": {"low": 2, "high": 64, "log": True},
                "learning_rate": {"low": 1e-5, "high": 1e-2, "log": True},
                "warmup_ratio": {"low": 0.0, "high": 0.3},
            },
            "halving": {
                "rungs": [{"training": 0.25, "validation": 0.5}, {"training": 0.5, "validation": 1.0}],
                "reduction_factor": 2,
            },
            "study": {"name": STUDY, "n_trials": self.n_trials, "sampler": {"name": "tpe", "n_startup_trials": 3}},
            "workers": {"count": self.workers},
        }

    def sweep(self, inside: Callable[[], None] | None = None) -> int:
        """Fork a process that runs the sweep; returns its id.

        Args:
            inside: Called in the process before the sweep begins.
        """
        return self._fork(["sweep", "sweep.yaml", "--simulate", "--gpu", "24GiB", "--json"], inside)

    def fsck(self) -> list[str]:
        """What `harness fsck` still finds."""
        pid = self._fork(["fsck", STUDY, "--folder", "mlruns/simulated", "--json"], None)
        ended(pid)
        report = json.loads(self.out(pid)[-1])
        return [f"{finding['kind']}: {finding['subject']}: {finding['found']}" for finding in report["left"]]

    def out(self, pid: int) -> list[str]:
        """What a process has said, both streams, line by line."""
        return self._out(pid).read_text("utf-8").splitlines()

    def _out(self, pid: int) -> Path:
        return (self.said or self.root) / f"out.{pid}"

    def _fork(self, argv: list[str], inside: Callable[[], None] | None) -> int:
        pid = os.fork()
        if pid:
            return pid
        os.chdir(self.root)
        out = os.open(self._out(os.getpid()), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(out, 1)
        os.dup2(out, 2)
        switches = {"HARNESS_SIMULATION": f"pace_ms={self.pace_ms}", "TMPDIR": str(self.temporary)}
        os.environ.update(switches | {"HARNESS_CACHE": str(self.root / "cache")})
        if inside is not None:
            inside()
        code = sys.modules["harness.__main__"].run(argv)
        sys.stdout.flush()
        os._exit(code)


def ended(pid: int) -> int:
    """Wait for a process; returns its exit code, negative for a signal."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
