"""Scores by step, as the plot and the tables of incremental training take them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.core.measured import Measured
from harness.core.steps import Step, StepResult, StepsState

SHOWN = ("pass_rate", "branch_coverage", "mutation_score")
"""The validation metrics that are followed from step to step; definitions in docs/metrics.md."""


@dataclass(frozen=True, slots=True)
class StepPoint:
    """A finished step.

    Attributes:
        number: 0, 1, ...
        values: Metric -> figure of the chosen trial on the validation functions.
        base: The same of the untuned base, zero-shot.
        trained_on: Functions of its training set.
        new: How many of them came with its own batch.
        start_from: ``adapter`` or ``scratch``.
        trial: Number of the chosen trial.
    """

    number: int
    values: Mapping[str, Measured]
    base: Mapping[str, Measured]
    trained_on: int
    new: int
    start_from: str
    trial: int


def points(state: StepsState) -> tuple[StepPoint, ...]:
    """Every finished step, in order."""
    return tuple(_point(step, step.result) for step in state.finished if step.result is not None)


def kept_metrics(metrics: Mapping[str, float], names: tuple[str, ...]) -> dict[str, float]:
    """Of a trial's metrics those of `names`, with their bounds."""
    wanted = {f"{name}{end}" for name in names for end in ("", "_low", "_high")}
    return {name: value for name, value in metrics.items() if name in wanted}


def _point(step: Step, result: StepResult) -> StepPoint:
    values, base = _figures(result.metrics), _figures(result.base)
    return StepPoint(step.number, values, base, step.trained_on, step.new, step.start_from, result.trial)


def _figures(metrics: Mapping[str, float]) -> dict[str, Measured]:
    known = (name for name in SHOWN if name in metrics)
    return {name: Measured(metrics[name], metrics.get(f"{name}_low"), metrics.get(f"{name}_high")) for name in known}
