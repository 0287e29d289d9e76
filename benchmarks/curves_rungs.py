"""Suites written with a rung's adapter, and their scores: the settings are the sweep's own.

Owns the columns of a line: what of a score is kept for every function.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curves_clock import Seconds, Stopwatch
from curves_training import Snapshot, open_base, validation_loss
from transformers import set_seed

from evaluation import Report, ScoreSettings, Suite, score_suites
from harness.core.params import Quantization
from harness.files.record_files import read_records
from harness.sweep.scoring import focal_functions
from harness.trial.base import Base
from harness.trial.examples import Wording
from harness.trial.generation import Writer, Written, generate, write_suites
from harness.trial.readings import memory_peak
from harness.trial.spec import TrialSpec
from harness.trial.transformers_engine import TransformersEngine

FIGURES = ("pass_rate", "line_coverage", "branch_coverage", "mutation_score")
COUNTS = ("collected", "passed", "asserts", "copied_asserts", "mutants", "killable", "killed", "survived", "timeouts")
DIGITS = 6


@dataclass(frozen=True, slots=True)
class Measured:
    """A rung's figures.

    Attributes:
        values: JSON-ready: ``eval_loss``, ``functions`` (column name -> one value per function), ``metrics``.
        stages: ``load``, ``eval``, ``generate``, ``score``.
        peak_rss_bytes: Largest resident size up to here.
    """

    values: dict[str, Any]
    stages: dict[str, Seconds]
    peak_rss_bytes: float


def measure_rung(spec: TrialSpec, snapshot: Snapshot, wording: Wording, scoring: tuple[ScoreSettings, Path]) -> Measured:
    """Validation loss, suites and scores of one adapter over a clean base.

    Args:
        spec: The trial.
        snapshot: The adapter.
        wording: How it asks.
        scoring: The scorer's settings, and the file that the suites are kept in.
    """
    base, load = open_base(spec)
    watch = Stopwatch()
    model, eval_loss = validation_loss(base, spec, snapshot)
    stages = {"load": load, "eval": watch.read()}
    watch = Stopwatch()
    written = _written(model, base, spec, wording)
    stages["generate"] = watch.read()
    write_suites(scoring[1], written.suites)
    peak = memory_peak()["peak_rss_bytes"]
    watch = Stopwatch()
    report = _scored(spec, written, scoring[0])
    stages["score"] = watch.read()
    metrics = {name: finite(value) for name, value in (report.aggregate.to_metrics() | written.metrics()).items()}
    values = {"eval_loss": finite(eval_loss), "functions": _columns(report, written), "metrics": metrics}
    return Measured(values, stages, peak)


def finite(value: float) -> float | None:
    """Rounded for the file; None for what JSON has no number for."""
    return round(value, DIGITS) if math.isfinite(value) else None


def _written(model: Any, base: Base, spec: TrialSpec, wording: Wording) -> Written:
    """As `harness.trial.run` goes on after training."""
    if base.quantization is Quantization.NONE:
        model.merge_adapter()
    set_seed(spec.seed)
    model.config.use_cache = True
    writer = Writer(TransformersEngine(model.eval(), base.tokenizer), base.tokenizer, wording)
    return generate(writer, spec.generate, lambda done, total: None)


def _scored(spec: TrialSpec, written: Written, settings: ScoreSettings) -> Report:
    functions = focal_functions(read_records(Path(spec.generate.functions_file)))
    return score_suites(functions, [Suite(suite.function_id, suite.code) for suite in written.suites], settings)


def _columns(report: Report, written: Written) -> dict[str, list[Any]]:
    """One value per function, in the order of the functions file; null is absent, never zero."""
    rows = [score.to_row() for score in report.scores]
    columns: dict[str, list[Any]] = {
        "valid": [score.valid for score in report.scores],
        "verdict": [str(row["verdict"]) for row in rows],
        "new_tokens": [suite.new_tokens for suite in written.suites],
        "truncated": [suite.truncated for suite in written.suites],
    }
    columns |= {name: [None if row[name] is None else finite(row[name]) for row in rows] for name in FIGURES}
    return columns | {name: [row[name] for row in rows] for name in COUNTS}
