"""From what a trial process and the scorer left behind to a finished segment. Reads files of the trial's folder, writes none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from evaluation import Report
from harness.core.metrics import OBJECTIVE_METRICS
from harness.core.outcome import Ending, Outcome
from harness.core.rungs import RungScore
from harness.sweep.crew import Segment
from harness.tracking.metrics import RUNG_PREFIX

_SO_FAR = ("peak_bytes", "trial_runtime_s", "trainable_parameters")
"""Facts about the trial so far, at any rung."""


def with_scores(outcome: Outcome, report: Report, objectives: tuple[str, ...]) -> Outcome:
    """A trained segment with its scores; FAILED when an objective was not measured."""
    metrics = {**outcome.metrics, **report.aggregate.to_metrics()}
    missing = [name for name in objectives if name not in metrics]
    if missing:
        return replace(outcome, ending=Ending.FAILED, reason=f"objective {missing[0]} was not measured", metrics=metrics)
    return replace(outcome, metrics=metrics)


def loss_score(segment: Segment, metrics: Mapping[str, float]) -> RungScore:
    """What the trial is worth at a rung that is judged by the validation loss alone."""
    return RungScore(segment.number, segment.rung, (), (), metrics.get("eval_loss"))


def rung_score(segment: Segment, metrics: Mapping[str, float], report: Report, objectives: tuple[str, ...]) -> RungScore:
    """What the trial is worth at the rung, function by function where it is measured so."""
    rows: list[dict[str, Any]] = [score.to_row() for score in report.scores]
    table = tuple(tuple(_number(row.get(name)) for name in objectives) for row in rows)
    values = tuple(float(metrics[name]) for name in objectives)
    return RungScore(segment.number, segment.rung, values, table, metrics.get("eval_loss"))


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def so_far(segment: Segment, metrics: Mapping[str, float]) -> dict[str, float]:
    """The scalars of a segment joined with those of the segments before: peaks are the highest, times add up."""
    before = segment.before
    joined = dict(metrics)
    if "peak_bytes" in before and "peak_bytes" in metrics:
        joined["peak_bytes"] = max(before["peak_bytes"], metrics["peak_bytes"])
    if "trial_runtime_s" in before and "trial_runtime_s" in metrics:
        joined["trial_runtime_s"] = before["trial_runtime_s"] + metrics["trial_runtime_s"]
    return joined


def named_for_rung(segment: Segment, metrics: Mapping[str, float]) -> dict[str, float]:
    """The scalars under the names they are kept by: below the full rung figures carry `RUNG_PREFIX` before their names."""
    if segment.last:
        return dict(metrics)
    return {(RUNG_PREFIX if _is_figure(name) else "") + name: value for name, value in metrics.items()}


def _is_figure(name: str) -> bool:
    if name in _SO_FAR:
        return False
    return name.startswith(tuple(n for n in OBJECTIVE_METRICS if n not in _SO_FAR))
