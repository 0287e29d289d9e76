"""The formula's predicted peaks against traced ones, row by row over benchmarks/tables/traced_peaks.csv.

Context, workspace and fragmentation are left out on both sides: a trace has none. The table is no authority by itself, so
some of its rows are traced anew in the same run and compared. `--json` prints one line. `--gpu` hands over to
memory_gpu.py: real trainings on a GPU, or with `--gpu --device cpu` the same plumbing here.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trace_grid import TABLE, read_table, request_of

from harness.core.memory import DeviceProfile, MemoryEstimate, ModelShape, estimate_peak
from harness.guard.traced import trace_all
from harness.tracer.request import TraceRequest

BARE = DeviceProfile("cuda", 2, 0, 0, 0, 0)
"""A GPU that adds nothing of its own."""
RETRACED = 20
WORST = 5
UNDERESTIMATE = 0.05
TIMING_ROUNDS = 5
TRACE_TIMEOUT_S = 3600.0


@dataclass(frozen=True, slots=True)
class Compared:
    """One row: its settings, the traced peak in bytes, and what the formula says."""

    row: Mapping[str, str]
    traced_bytes: int
    estimate: MemoryEstimate

    @property
    def error(self) -> float:
        """Relative; above 0 the formula asks for too much."""
        return self.estimate.total_bytes / self.traced_bytes - 1


def main(argv: Sequence[str]) -> None:
    """Print the figures."""
    if "--gpu" in argv:
        from memory_gpu import main as measure_on_gpu  # real trainings: its libraries are not needed otherwise

        measure_on_gpu([argument for argument in argv if argument != "--gpu"])
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON line")
    parser.add_argument("--retrace", type=int, default=RETRACED, help="rows to trace anew")
    parser.add_argument("--seed", type=int, default=None, help="which rows; drawn anew in each run without it")
    options = parser.parse_args(argv)
    compared = [compare(row) for row in read_table()]
    seed = random.SystemRandom().randrange(1 << 32) if options.seed is None else options.seed
    figures = summary(compared) | {"estimate_ms": estimate_ms(compared), **retrace(compared, options.retrace, seed)}
    if options.json:
        print(json.dumps(figures))
    else:
        print(readable(compared, figures))


def compare(row: Mapping[str, str]) -> Compared:
    """Ask the formula for a row of the table."""
    request = request_of(row)
    return Compared(row, int(row["peak_bytes"]), _ask(request))


def summary(compared: Sequence[Compared]) -> dict[str, Any]:
    """What is claimed. No constant of the formula was fitted to the table, so no half of it is held out."""
    errors = [each.error for each in compared]
    sizes = sorted(abs(error) for error in errors)
    return {
        "n_configs": len(compared),
        "models": len({each.row["model"] for each in compared}),
        "median_rel_error": round(statistics.median(sizes), 5),
        "p95_rel_error": round(sizes[min(len(sizes) - 1, int(0.95 * len(sizes)))], 5),
        "max_underestimate": round(max(0.0, -min(errors)), 5),
        "max_overestimate": round(max(0.0, *errors), 5),
        "underestimates_over_5pct": sum(1 for error in errors if error < -UNDERESTIMATE),
        "fitted_constants": 0,
        "versions": table_versions(TABLE),
    }


def estimate_ms(compared: Sequence[Compared]) -> float:
    """Milliseconds of one estimate, the reading of the config included: median over every row, several times."""
    requests = [request_of(each.row) for each in compared]
    seconds = []
    for request in requests * TIMING_ROUNDS:
        started = time.perf_counter()
        _ask(request)
        seconds.append(time.perf_counter() - started)
    return round(1000 * statistics.median(seconds), 3)


def retrace(compared: Sequence[Compared], count: int, seed: int) -> dict[str, Any]:
    """Trace some rows now and compare with the table."""
    drawn = random.Random(seed).sample(list(compared), min(count, len(compared)))
    started = time.monotonic()
    traces = trace_all([request_of(each.row) for each in drawn], os.environ, TRACE_TIMEOUT_S)
    differences = [abs(trace.peak_bytes / each.traced_bytes - 1) for each, trace in zip(drawn, traces, strict=True)]
    return {
        "retraced": len(drawn),
        "retraced_max_rel_diff": round(max(differences, default=0.0), 6),
        "retraced_s": round(time.monotonic() - started, 1),
        "retraced_seed": seed,
    }


def table_versions(path: Path) -> dict[str, str]:
    """The versions on the table's first line."""
    with path.open(encoding="utf-8") as file:
        versions: dict[str, str] = json.loads(file.readline().removeprefix("#"))
    return versions


def readable(compared: Sequence[Compared], figures: Mapping[str, Any]) -> str:
    """The same as tables."""
    lines = [f"{key:>26}  {value}" for key, value in figures.items() if key != "versions"]
    lines += _grouped("model", compared, lambda each: each.row["model"])
    lines += _grouped("quantization", compared, _kind)
    lines += ["", f"the {WORST} worst rows", f"{'error':>8} {'traced':>9} {'phase':>15}  settings"]
    for each in sorted(compared, key=lambda each: -abs(each.error))[:WORST]:
        settings = " ".join(f"{name}={each.row[name]}" for name in _SHOWN)
        peak = f"{each.traced_bytes / 2**20:7.0f} M {each.row['phase']:>15}"
        lines.append(f"{each.error:+8.2%} {peak}  {each.row['model']} {settings}")
    return "\n".join(lines)


_SHOWN = (
    "quantization",
    "gradient_checkpointing",
    "per_device_train_batch_size",
    "max_length",
    "r",
    "target_modules",
    "loss_path",
    "attn_implementation",
    "padded",
)


def _ask(request: TraceRequest) -> MemoryEstimate:
    return estimate_peak(ModelShape.from_config(request.config), request.workload, BARE, padded=request.padded)


def _kind(each: Compared) -> str:
    return each.row["quantization"] + (" + ckpt" if each.row["gradient_checkpointing"] == "True" else "")


def _grouped(title: str, compared: Sequence[Compared], key: Callable[[Compared], str]) -> list[str]:
    groups: dict[str, list[float]] = defaultdict(list)
    for each in compared:
        groups[key(each)].append(each.error)
    lines = ["", f"{title:>18} {'rows':>5} {'median':>8} {'lowest':>8} {'highest':>8}"]
    for name, errors in sorted(groups.items()):
        middle = statistics.median(abs(error) for error in errors)
        lines.append(f"{name:>18} {len(errors):5} {middle:8.2%} {min(errors):+8.2%} {max(errors):+8.2%}")
    return lines


if __name__ == "__main__":
    main(sys.argv[1:])
