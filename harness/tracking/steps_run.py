"""The MLflow run of incremental training as a whole: one value per step and metric, the table, the picture.

The sweep of each step has runs of its own, which are the tracker's; this one stands beside them.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mlflow.entities import Metric, RunTag
from mlflow.exceptions import MlflowException

from harness.core.measured import Measured
from harness.core.steps_points import StepPoint
from harness.tracking.artifacts import write_table
from harness.tracking.plots import save
from harness.tracking.run_files import table_tag
from harness.tracking.steps_plot import steps_figure
from harness.tracking.store import Store

KIND_STEPS = "steps"


@dataclass(frozen=True, slots=True)
class StepsRun:
    """What the run is about.

    Attributes:
        name: What the steps' studies are named after.
        run_id: The run that earlier steps were logged to; None where there is none.
        tags: Of the newest step.
    """

    name: str
    run_id: str | None
    tags: Mapping[str, str]


def log_steps(store: Store, run: StepsRun, points: Sequence[StepPoint], plot: Path) -> str:
    """Bring the run up to date; steps that it already shows are left as they are.

    Args:
        store: Where runs go.
        run: Which run.
        points: Every finished step.
        plot: steps.png, drawn here; it is also kept with the run.

    Returns:
        The run's id.
    """
    client = store.client
    run_id = run.run_id if run.run_id and _exists(store, run.run_id) else _create(store, run)
    shown = {metric.step for metric in client.get_metric_history(run_id, "functions_trained_on")}
    now = int(time.time() * 1000)
    metrics = [metric for point in points if point.number not in shown for metric in _metrics(point, now)]
    tags = [RunTag(key, value) for key, value in {**run.tags, "mlflow.note.content": _markdown(points)}.items()]
    client.log_batch(run_id, metrics=metrics, tags=tags, synchronous=True)
    draw(run.name, points, plot)
    client.log_artifact(run_id, str(plot))
    with TemporaryDirectory(prefix="harness-steps-") as folder:
        tables = write_table([_row(point) for point in points], Path(folder), "steps")
        client.log_artifacts(run_id, folder)
    client.set_tag(run_id, *table_tag(tables))
    client.set_terminated(run_id, "FINISHED", now)
    return run_id


def draw(name: str, points: Sequence[StepPoint], plot: Path) -> None:
    """Write the picture; whoever looks at it meanwhile sees the old one or the new one."""
    plot.parent.mkdir(parents=True, exist_ok=True)
    temporary = plot.with_name(f".{plot.name}")
    save(steps_figure(name, points), temporary.with_suffix(".tmp.png"))
    temporary.with_suffix(".tmp.png").replace(plot)


def _exists(store: Store, run_id: str) -> bool:
    try:
        return str(store.client.get_run(run_id).info.lifecycle_stage) == "active"
    except MlflowException:
        return False


def _create(store: Store, run: StepsRun) -> str:
    tags = {"kind": KIND_STEPS, "steps_of": run.name}
    created = store.client.create_run(store.experiment_id, tags=tags, run_name=f"steps of {run.name}")
    return str(created.info.run_id)


def _metrics(point: StepPoint, now: int) -> list[Metric]:
    values = {"functions_trained_on": float(point.trained_on), "functions_new": float(point.new)}
    values |= _flat(point.values) | {f"base_{name}": value for name, value in _flat(point.base).items()}
    return [Metric(name, value, now, point.number) for name, value in values.items()]


def _flat(figures: Mapping[str, Measured]) -> dict[str, float]:
    named = {f"{name}{end}": v for name, f in figures.items() for end, v in (("", f.value), ("_low", f.low), ("_high", f.high))}
    return {name: value for name, value in named.items() if value is not None}


def _row(point: StepPoint) -> dict[str, Any]:
    made = {"step": point.number, "trial": point.trial, "start_from": point.start_from}
    sizes = {"functions_trained_on": point.trained_on, "functions_new": point.new}
    return {**made, **sizes, **_flat(point.values)}


def _markdown(points: Sequence[StepPoint]) -> str:
    names = list(dict.fromkeys(name for point in points for name in point.values))
    head = ["step", "trained on", *names]
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for point in points:
        cells = [str(point.number), f"{point.trained_on} ({point.new} new)"]
        lines.append(f"| {' | '.join([*cells, *(_cell(point.values.get(name)) for name in names)])} |")
    return "\n".join(["### The chosen adapter of each step, on the same validation functions", "", *lines])


def _cell(figure: Measured | None) -> str:
    if figure is None:
        return ""
    bounds = f" [{figure.low:.3g}, {figure.high:.3g}]" if figure.low is not None and figure.high is not None else ""
    return f"{figure.value:.3g}{bounds}"
