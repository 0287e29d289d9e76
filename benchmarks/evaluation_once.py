"""One scoring in a process of its own, with nothing warm but the mutants: for figures that must not depend on this process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks import evaluation_data as data
from benchmarks.evaluation_bench import WORKERS, Bench
from benchmarks.evaluation_data import Pair

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = "from benchmarks.evaluation_once import main; main()"


def scored_apart(bench: Bench, pairs: Sequence[Pair], mutants: int | None, workers: int = WORKERS) -> str:
    """The report as JSON text with sorted keys; string hashes differ from process to process.

    Raises:
        subprocess.CalledProcessError: if the process fails.
    """
    asked = {"folder": str(bench.folder), "ids": [pair[0].id for pair in pairs], "mutants": mutants, "workers": workers}
    environment = {**os.environ, "PYTHONHASHSEED": "random"}
    command = [sys.executable, "-c", PROGRAM]
    ended = subprocess.run(
        command, cwd=ROOT, env=environment, input=json.dumps(asked), stdout=subprocess.PIPE, text=True, check=True
    )
    return ended.stdout


def main() -> None:
    """The process's side."""
    asked = json.load(sys.stdin)
    known = {pair[0].id: pair for pair in (*data.humaneval(), *data.mbpp())}
    bench = Bench(Path(asked["folder"]))
    settings = replace(bench.settings(asked["mutants"]), workers=asked["workers"])
    report, _ = bench.score([known[name] for name in asked["ids"]], settings)
    sys.stdout.write(json.dumps(report.to_dict(), sort_keys=True))
