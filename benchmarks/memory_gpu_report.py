"""The table and the figures of benchmarks/memory_gpu.py: a row for every training, and their errors."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from memory_gpu_cases import GIB
from memory_gpu_runs import Run

COLUMNS = (
    "part",
    "model",
    "quantization",
    "gradient_checkpointing",
    "per_device_train_batch_size",
    "gradient_accumulation_steps",
    "max_length",
    "r",
    "loss_path",
    "status",
    "predicted_bytes",
    "observed_bytes",
    "reserved_bytes",
    "allocated_bytes",
    "rel_error",
    "phase",
    "seconds",
    "shift_bytes",
)


def row(part: str, run: Run, predicted_bytes: int, phase: str) -> dict[str, Any]:
    """A line of the table.

    Args:
        part: ``grid``, or which sweep.
        run: What was trained and what it took.
        predicted_bytes: By the formula alone.
        phase: When, by the formula.
    """
    params = run.case.params.to_dict()
    ok = run.status == "ok"
    return {
        "part": part,
        "model": run.case.model,
        **{name: params[name] for name in COLUMNS if name in params},
        "quantization": run.case.params.quantization.value,
        "loss_path": run.case.workload.loss_path.value,
        "status": run.status if ok else f"{run.status}: {run.reason}",
        "predicted_bytes": predicted_bytes,
        "observed_bytes": run.observed_bytes,
        "reserved_bytes": run.reserved_bytes,
        "allocated_bytes": run.allocated_bytes,
        "rel_error": round(predicted_bytes / run.observed_bytes - 1, 5) if ok and run.observed_bytes else None,
        "phase": phase,
        "seconds": round(run.seconds, 2),
        "shift_bytes": run.shift_bytes,
    }


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Figures of the comparison."""
    errors = [r["rel_error"] for r in rows if r["rel_error"] is not None]
    sizes = sorted(abs(error) for error in errors)
    if not sizes:
        return {"n_runs": 0, "n_failed": len(rows)}
    return {
        "n_runs": len(sizes),
        "n_failed": len(rows) - len(sizes),
        "median_rel_error": sizes[len(sizes) // 2],
        "p95_rel_error": sizes[min(len(sizes) - 1, int(0.95 * len(sizes)))],
        "max_underestimate": max(0.0, -min(errors)),
        "max_overestimate": max(0.0, max(errors)),
        "largest_baseline_shift_bytes": max(r["shift_bytes"] for r in rows),
    }


def say(line: dict[str, Any]) -> None:
    """Tell a row on stderr while the runs go on."""
    sizes = f"predicted {line['predicted_bytes'] / GIB:6.2f} GiB, observed {line['observed_bytes'] / GIB:6.2f} GiB"
    kind = f"{line['quantization']}, checkpointing {'on' if line['gradient_checkpointing'] else 'off'}, {line['loss_path']}"
    shape = f"{line['per_device_train_batch_size']} x {line['max_length']}, r {line['r']}"
    error = "" if line["rel_error"] is None else f" ({100 * line['rel_error']:+.1f} %)"
    print(
        f"{line['part']:14} {line['model']:18} {kind:36} {shape:16} {sizes}{error} {line['status'][:80]}",
        file=sys.stderr,
        flush=True,
    )


def readable(figures: dict[str, Any]) -> str:
    """The figures for a person."""
    lines = [f"{name:30} {value}" for name, value in figures.items() if name != "sweeps"]
    for sweep in figures.get("sweeps", ()):
        lines += ["", *(f"  {name:28} {value}" for name, value in sweep.items())]
    return "\n".join(lines)


def keep(folder: Path, figures: dict[str, Any], rows: Sequence[dict[str, Any]]) -> None:
    """Write memory_gpu.json and memory_gpu.csv."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "memory_gpu.json").write_text(json.dumps(figures) + "\n", "utf-8")
    with (folder / "memory_gpu.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
