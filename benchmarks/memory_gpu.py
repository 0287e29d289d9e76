"""Predicted peaks against real ones: trainings of models with random weights, each in a fresh process, on one GPU.

First a comparison over a grid of settings (quantization, checkpointing, batch, length, rank, loss path): the formula with
the device's measured profile, without anything learned, against the peak that NVML shows. Then sweeps under artificial
budgets: settings are drawn, admitted by the estimate with what the observed peaks have taught, and trained under the
allocator's cap; half of the launches are the largest admitted, half are random ones. No admitted one may run out of
memory, and the largest has to use most of the budget.

``--device cpu`` runs the same code with tiny models against resident memory, in under 2 minutes: it shows that the script
works, its figures say nothing about a GPU. ``--only grid`` or ``--only sweeps`` runs one half. ``--out FOLDER`` keeps
memory_gpu.csv and memory_gpu.json. ``--json`` prints one line.

On a machine without a network: collect wheels elsewhere (pip download --only-binary=:all: -d DIR trl peft bitsandbytes
datasets transformers accelerate nvidia-ml-py psutil) and there ``pip install --no-index --find-links DIR ...`` first.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from memory_gpu_cases import CPU_SWEEPS, GIB, GPU_GRID, GPU_SWEEPS, TINY_CONFIGS, Case, grid
from memory_gpu_report import keep, readable, row, say, summary
from memory_gpu_runs import Workshop, child_environ
from memory_gpu_sweeps import SweepPlan, run_sweep

from harness.core.calibration import Observation, group_of
from harness.core.errors import HarnessError
from harness.core.memory import DeviceProfile, estimate_peak
from harness.core.model_shape import ModelShape
from harness.guard.device_profile import Measurement, ProfileAsk, driver_version, measured_profile, version_of
from harness.guard.probe import MemoryProbe
from harness.guard.select import open_probe

CONFIGS = Path(__file__).with_name("tables") / "configs"
MOST_OF_CARD = 0.85
PROFILE_MODEL = {"cpu": "tiny-qwen3", "cuda": "Qwen3-0.6B"}
SWEEP_LAUNCHES = {"cpu": 2, "cuda": 8}
PACKAGES = ("torch", "transformers", "peft", "trl", "bitsandbytes", "accelerate")


@dataclass(frozen=True, slots=True)
class Bench:
    """Everything a part of the benchmark works with."""

    device: str
    probe: MemoryProbe
    configs: dict[str, dict[str, Any]]
    measurement: Measurement
    workshop: Workshop

    @property
    def profile(self) -> DeviceProfile:
        """The device as measured."""
        return self.measurement.profile

    def predicted(self, case: Case) -> tuple[int, str]:
        """Peak in bytes and its phase, by the formula alone."""
        estimate = estimate_peak(ModelShape.from_config(self.configs[case.model]), case.workload, self.profile)
        return estimate.total_bytes, estimate.phase

    def fits(self, case: Case) -> bool:
        """Whether the card as it is holds it with room to spare: a run of the comparison must not end for memory."""
        return self.predicted(case)[0] <= MOST_OF_CARD * self.probe.available()


def run_grid(bench: Bench, cases: Sequence[Case], until: float) -> Iterator[dict[str, Any]]:
    """A row for every training of the comparison that is begun in time."""
    for case in cases:
        if time.monotonic() > until:
            return
        yield row("grid", bench.workshop.train(case), *bench.predicted(case))


def observations(bench: Bench, rows: Sequence[dict[str, Any]], cases: Sequence[Case]) -> list[Observation]:
    """What the comparison taught, as a study's own trials would."""
    return [
        Observation(
            bench.probe.device_name, r["model"], group_of(case.params), r["predicted_bytes"], r["observed_bytes"], censored=False
        )
        for r, case in zip(rows, cases, strict=False)
        if r["status"] == "ok"
    ]


def open_bench(options: argparse.Namespace, folder: Path) -> Bench:
    """Look at the device, measure it, and write the models."""
    probe = open_probe(options.device, os.environ.get("CUDA_VISIBLE_DEVICES"))
    if options.device == "cpu":
        configs = TINY_CONFIGS
    else:
        used = {*GPU_GRID, *(model for _, model in GPU_SWEEPS)}
        configs = {name: json.loads((CONFIGS / f"{name}.json").read_text("utf-8")) for name in sorted(used)}
    kind = probe.kind if probe.kind == "cuda" else "cpu"
    width = 2 if kind == "cuda" else 4
    ask = ProfileAsk(configs[PROFILE_MODEL[kind]], width, child_environ(), options.device)
    measurement = measured_profile(probe, ask, folder / "cache")
    print(measurement.provenance, file=sys.stderr)
    workshop = Workshop(probe, folder, "cpu" if kind == "cpu" else "cuda:0")
    workshop.make_models(configs)
    return Bench(kind, probe, configs, measurement, workshop)


def measure(options: argparse.Namespace, folder: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """All figures, and the table."""
    until = time.monotonic() + 60 * options.minutes
    bench = open_bench(options, folder)
    rows: list[dict[str, Any]] = []
    cases = grid(bench.device, options.seed, bench.fits)[: options.runs] if options.only != "sweeps" else []
    with contextlib.closing(bench.workshop):
        for line in run_grid(bench, cases, until):
            rows.append(line)
            say(line)
        figures = {**about(bench), **summary(rows)}
        if options.only != "grid":
            figures |= _sweep_figures(_sweeps(bench, rows, cases, until))
    return figures, rows


def about(bench: Bench) -> dict[str, Any]:
    """Where the figures come from."""
    on_gpu = bench.device == "cuda"
    return {
        "device": bench.probe.device_name,
        "measured_on": "GPU" if on_gpu else "CPU: shows that the script works, says nothing about a GPU",
        "driver": driver_version() if on_gpu else "none",
        "versions": {name: version_of(name) for name in PACKAGES},
        "profile": asdict(bench.profile),
        "provenance": bench.measurement.provenance,
    }


def _sweep_figures(sweeps: list[dict[str, Any]]) -> dict[str, Any]:
    launched = [sweep for sweep in sweeps if sweep["launched"]]
    return {
        "out_of_memory_among_admitted": sum(sweep["out_of_memory"] for sweep in launched),
        "least_budget_share_used": min((sweep["largest_peak_share"] for sweep in launched), default=0),
        "sweeps": sweeps,
    }


def _sweeps(bench: Bench, rows: list[dict[str, Any]], cases: Sequence[Case], until: float) -> list[dict[str, Any]]:
    """Every budget; rows of what was launched are added to the table."""
    seen, found = observations(bench, rows, cases), []
    for budget_bytes, model in GPU_SWEEPS if bench.device == "cuda" else CPU_SWEEPS:
        plan = SweepPlan(budget_bytes, model, SWEEP_LAUNCHES[bench.device], bench.device, until)
        shape = ModelShape.from_config(bench.configs[model])
        figures, runs = run_sweep(plan, shape, bench, seen)
        for run in runs:
            rows.append(row(f"sweep {budget_bytes / GIB:g} GiB", run, *bench.predicted(run.case)))
            say(rows[-1])
        found.append(figures)
    return found


def main(argv: Sequence[str] | None = None) -> None:
    """Print the figures; the runs are told on stderr while they are made."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON line")
    parser.add_argument("--device", default="cuda", help="cuda, cuda:N or cpu")
    parser.add_argument("--only", choices=("grid", "sweeps"), help="one half")
    parser.add_argument("--runs", type=int, default=None, help="of the comparison, at most")
    parser.add_argument("--minutes", type=float, default=9.0, help="no run is begun later than that")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--scratch", type=Path, default=None, help="folder for the models: 25 GB on a GPU")
    parser.add_argument("--out", type=Path, default=None, help="folder for memory_gpu.csv and memory_gpu.json")
    options = parser.parse_args(argv)
    try:
        with tempfile.TemporaryDirectory(dir=options.scratch) as name:
            figures, rows = measure(options, Path(name))
    except HarnessError as error:
        sys.exit("\n".join(error.lines()))
    if options.out is not None:
        keep(options.out, figures, rows)
    print(json.dumps(figures) if options.json else readable(figures))


if __name__ == "__main__":
    main()
