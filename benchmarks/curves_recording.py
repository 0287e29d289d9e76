"""One configuration of the table, from its settings to its lines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from curves_clock import NOTHING, Seconds
from curves_problem import MAX_STEPS, RUNG_STEPS, Configuration
from curves_recipe import Recipe
from curves_rungs import finite, measure_rung
from curves_table import Line
from curves_training import Curve, record_training

from harness.trial.examples import open_wording
from harness.trial.readings import give_back_memory

_RESET_PEAK = Path("/proc/self/clear_refs")


def recorded(recipe: Recipe, configuration: Configuration, folder: Path) -> Iterator[Line]:
    """Train a configuration and measure its rungs, one line each as soon as it is known.

    Args:
        recipe: Data, model and settings.
        configuration: What to record.
        folder: For adapters.
    """
    spec = recipe.spec(configuration)
    asked = spec.generate
    wording = open_wording(asked.template, asked.example_files, asked.exclude_file)
    give_back_memory()
    _RESET_PEAK.write_text("5")  # proc(5): the peak resident size starts again from what is resident now
    curve = record_training(spec, folder, wording)
    give_back_memory()
    for rung, steps in enumerate(RUNG_STEPS):
        line, stages = _head(configuration, rung, curve)
        snapshot = next((s for s in curve.snapshots if s.steps == steps), None)
        if line["diverged"] or snapshot is None:
            yield line | _timed(stages)
            continue
        kept = recipe.cache / "benchmarks" / "curves" / f"{configuration.index}-{steps}.jsonl"
        kept.parent.mkdir(parents=True, exist_ok=True)
        measured = measure_rung(spec, snapshot, wording, (recipe.scoring(), kept))
        yield {
            **line,
            "adapter_sha256": snapshot.sha256,
            **measured.values,
            **_timed(stages | measured.stages),
            "peak_rss_bytes": {"train": int(curve.peak_rss_bytes), "rung": int(measured.peak_rss_bytes)},
        }
        give_back_memory()


def _head(configuration: Configuration, rung: int, curve: Curve) -> tuple[Line, dict[str, Seconds]]:
    """What training alone says about a rung, and what it took."""
    steps = RUNG_STEPS[rung]
    before = RUNG_STEPS[rung - 1] if rung else 0
    diverged = curve.diverged is not None and curve.stopped_at <= steps
    stopped = curve.behind if before < curve.stopped_at else NOTHING  # counts where it was spent
    trained = next((s.train for s in curve.snapshots if s.steps == steps), stopped)
    logs = [log for log in curve.logs if log["step"] <= steps]
    line = {
        "config": configuration.index,
        "params": configuration.proposal,
        "rung": rung,
        "steps": steps,
        "train_share": round(steps / MAX_STEPS, 6),
        "diverged": diverged,
        "reason": curve.diverged if diverged else None,
        "losses": [finite(log["loss"]) for log in logs],
        "grad_norms": [finite(log["grad_norm"]) for log in logs if "grad_norm" in log],
    }
    return line, {**({} if rung else {"train_load": curve.load}), "train": trained}


def _timed(stages: dict[str, Seconds]) -> Line:
    return {
        "seconds": {name: round(took.wall, 3) for name, took in stages.items()},
        "cpu_seconds": {name: round(took.cpu, 3) for name, took in stages.items()},
    }
