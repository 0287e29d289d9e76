"""A small table of curves, as benchmarks/curves.py writes one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FUNCTIONS = ["f/0", "f/1", "f/2", "f/3", "f/4"]
STEPS = [2, 6, 18]
SPACE = {
    "r": {"low": 2, "high": 64, "log": True, "type": "int"},
    "learning_rate": {"low": 1e-4, "high": 1e-2, "log": True, "type": "float"},
    "quantization": {"choices": ["none", "nf4"], "type": "categorical"},
}
FIGURES = ("pass_rate", "line_coverage", "branch_coverage", "mutation_score")


def header(threads: int = 2) -> dict[str, Any]:
    return {
        "format": "harness-curves/1",
        "device": {"cores": 2, "threads": threads},
        "space": SPACE,
        "rung_steps": STEPS,
        "functions": FUNCTIONS,
        "data": {"digest": "d"},
    }


def line(config: int, params: dict[str, Any], rung: int, score: float, *, diverged: bool = False) -> dict[str, Any]:
    found: dict[str, Any] = {
        "config": config,
        "params": params,
        "rung": rung,
        "steps": STEPS[rung],
        "diverged": diverged,
        "reason": "the loss diverged" if diverged else None,
        "seconds": {"train_load": 1.0, "train": 10.0 * (rung + 1)},
    }
    if not diverged:
        columns = {name: [score + i / 100 for i in range(len(FUNCTIONS))] for name in FIGURES}
        found |= {
            "functions": columns,
            "metrics": dict.fromkeys(FIGURES, score + 0.02),
            "eval_loss": 1 - score,
        }
        found["seconds"] |= {"eval": 2.0, "generate": 20.0, "score": 5.0}
    found["cpu_seconds"] = {stage: seconds / 2 for stage, seconds in found["seconds"].items()}
    return found


def configuration(config: int, params: dict[str, Any], scores: list[float | None]) -> list[dict[str, Any]]:
    return [line(config, params, rung, score or 0.0, diverged=score is None) for rung, score in enumerate(scores)]


def write_table(path: Path, *groups: list[dict[str, Any]], threads: int = 2) -> Path:
    rows = [header(threads), *(row for group in groups for row in group)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


GOOD = {"r": 16, "learning_rate": 1e-3, "quantization": "none"}
WILD = {"r": 16, "learning_rate": 1e-2, "quantization": "none"}
SMALL = {"r": 16, "learning_rate": 1e-3, "quantization": "nf4"}
