"""Records what real adapters score, function by function: the table that `selection.py` resamples.

Usage: python benchmarks/selection_adapters.py --mbpp FILE [--trials 24] [--functions 120] [--folder FOLDER]
       [--out benchmarks/tables/adapters-smollm2.jsonl]

An ordinary sweep of the embedded model on MBPP (`mbpp.jsonl`), every trial trained whole and scored on so many validation
functions, two trials at a time with a thread each; then its `scores.json` files as one table. Started again, it goes on where
the sweep was.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

METRICS = ("valid_rate", "pass_rate", "branch_coverage", "mutation_score")
HERE = Path(__file__).resolve().parent


def sweep_file(mbpp: Path, folder: Path, trials: int, functions: int) -> dict[str, Any]:
    """The settings of `search_spaces/quickstart.yaml`, with more functions to judge by and no rungs."""
    return {
        "model": {"name": "quickstart:smollm2-135m-instruct"},
        "data": {
            "source": f"mbpp:{mbpp}",
            "splits": {"train": 0.6, "validation": 0.3, "selection": 0.05, "test": 0.05},
            "limits": {"train": 98, "validation": functions, "selection": 20, "test": 40},
        },
        "space": {
            "r": {"low": 4, "high": 64, "log": True},
            "learning_rate": {"low": 2.0e-4, "high": 6.0e-3, "log": True},
            "warmup_ratio": {"low": 0.0, "high": 0.1},
        },
        "training": {
            "r": 16,
            "learning_rate": 2.0e-3,
            "warmup_ratio": 0.03,
            "per_device_train_batch_size": 4,
            "max_length": 288,
            "max_steps": 10,
            "max_tests_per_example": 3,
            "max_completion_tokens": 96,
        },
        "generation": {"max_new_tokens": 96, "batch_size": 50},
        "evaluation": {"mutants_per_function": 10},
        "guard": {"budget": "12GiB"},
        "workers": {"count": 2},
        "study": {"name": "adapters", "seed": 3, "n_trials": trials, "sampler": {"name": "qmc"}},
        "tracking": {"folder": str(folder)},
    }


def table(folder: Path) -> list[dict[str, Any]]:
    """One line a trial that was scored: its number and, per metric, a figure per function."""
    lines = []
    for place in sorted((folder / "trials" / "adapters").glob("trial-*"), key=lambda path: int(path.name.rpartition("-")[2])):
        if not (place / "scores.json").is_file():
            continue
        scores = json.loads((place / "scores.json").read_text("utf-8"))["scores"]
        spec = json.loads((place / "trial.json").read_text("utf-8"))
        settings = {name: spec["train"]["params"][name] for name in ("r", "learning_rate", "warmup_ratio")}
        figures = {name: [_figure(one, name) for one in scores] for name in METRICS}
        lines.append({"trial": int(place.name.rpartition("-")[2]), "settings": settings, "figures": figures})
    return lines


def _figure(score: dict[str, Any], name: str) -> float | None:
    if name == "valid_rate":
        return float(score["verdict"] == "valid")
    value = score["figures"][name]
    return None if value is None else round(float(value), 6)


def functions_of(folder: Path) -> list[str]:
    """Ids of the functions, in the order of every column."""
    first = next(iter(sorted((folder / "trials" / "adapters").glob("trial-*/scores.json"))))
    return [one["function_id"] for one in json.loads(first.read_text("utf-8"))["scores"]]


def main() -> None:
    """Sweep, then write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mbpp", type=Path, required=True)
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--functions", type=int, default=120)
    parser.add_argument("--folder", type=Path, default=Path("mlruns") / "selection")
    parser.add_argument("--out", type=Path, default=HERE / "tables" / "adapters-smollm2.jsonl")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    file = args.folder / "adapters.yaml"
    asked = sweep_file(args.mbpp.resolve(), args.folder.resolve(), args.trials, args.functions)
    file.write_text(json.dumps(asked, indent=1), "utf-8")  # JSON is YAML
    code = subprocess.run([sys.executable, "-m", "harness", "sweep", str(file)], check=False).returncode
    lines = table(args.folder)
    if not lines:
        sys.exit(code or 1)
    versions = {name: version(name) for name in ("torch", "transformers", "peft", "trl", "mutmut", "pytest", "coverage")}
    head = {"format": "harness-adapters/1", "sweep": {**asked, "tracking": {}}, "versions": versions}
    head["sweep"]["data"] = {**asked["data"], "source": "mbpp:mbpp.jsonl"}
    args.out.parent.mkdir(parents=True, exist_ok=True)
    texts = [json.dumps(one) for one in [{**head, "functions": functions_of(args.folder)}, *lines]]
    args.out.write_text("\n".join(texts) + "\n", "utf-8")
    sys.stdout.write(f"{len(lines)} adapters in {args.out}\n")


if __name__ == "__main__":
    main()
