"""Still pictures of a study (PNG): the front in three dimensions, the growth of its hypervolume, losses side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from harness.core.pareto import Objective
from harness.tracking.palette import BASELINES, DOMINATED, FRONT, KNEE
from harness.tracking.points import TrialPoint, baselines, knee_point, trials
from harness.tracking.search import VolumeMark

_VIEWS = ((22, -60), (22, 30))  # elevation and turn in degrees: one view alone hides which of two marks is nearer
_LINES = (FRONT, KNEE, BASELINES[2], BASELINES[0], BASELINES[1], "#56B4E9", "#999933", "#000000")
MOST_LINES = len(_LINES)
_HOUR = 3600.0


def pareto_3d(points: Sequence[TrialPoint], objectives: Sequence[Objective]) -> Figure:
    """The first three objectives from two sides, with intervals, and a thread from each mark of the front to the floor.

    Args:
        points: At least one.
        objectives: At least three, in the order of `TrialPoint.values`.
    """
    figure = Figure(figsize=(12.5, 5.6))
    figure.subplots_adjust(left=0.0, right=0.97, top=0.97, bottom=0.07, wspace=0.0)
    for place, (elevation, turn) in enumerate(_VIEWS, 1):
        panel = figure.add_subplot(1, 2, place, projection="3d")
        _cube(panel, points, objectives)
        panel.view_init(elevation, turn)
    handles, labels = panel.get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncols=5, frameon=False)
    named = ", ".join(o.name for o in objectives[:3])
    figure.suptitle(f"Pareto front of {len(trials(points))} trials over {named}, from two sides; lines: 95 % interval", y=0.985)
    return figure


def _cube(panel: Any, points: Sequence[TrialPoint], objectives: Sequence[Objective]) -> None:
    tuned = trials(points)
    floor = min(p.values[2] for p in points)
    balanced = knee_point(points, objectives)
    groups = [("dominated", [p for p in tuned if not p.on_front], DOMINATED, 24)]
    groups += [("front", [p for p in tuned if p.on_front], FRONT, 46)]
    groups += [(p.label, [p], colour, 46) for p, colour in zip(baselines(points), BASELINES * 9, strict=False)]
    for name, members, colour, size in groups:
        if not members:
            continue
        columns = [[p.values[k] for p in members] for k in range(3)]
        panel.scatter(*columns, color=colour, s=size, label=name, depthshade=False, edgecolors="white", linewidths=0.5)
        for point in members if name != "dominated" else ():
            _whiskers(panel, point, colour)
            panel.plot(*([v, v] for v in point.values[:2]), [floor, point.values[2]], color=colour, linewidth=0.7, linestyle=":")
    if balanced is not None:
        x, y, z = balanced.values[:3]
        panel.plot([x], [y], [z], "*", ms=17, mfc=KNEE, mec="black", ls="", label="knee", zorder=10)
    for objective, say in zip(objectives[:3], (panel.set_xlabel, panel.set_ylabel, panel.set_zlabel), strict=True):
        say(f"{objective.name} {'↑' if objective.direction == 'maximize' else '↓'}", fontsize=9)
    panel.tick_params(labelsize=7)
    panel.set_box_aspect(None, zoom=0.98)


def _whiskers(panel: Any, point: TrialPoint, colour: str) -> None:
    for axis in range(3):
        bounds = point.interval(axis)
        if bounds is not None:
            ends = [[v, v] for v in point.values[:3]]
            ends[axis] = list(bounds)
            panel.plot(*ends, color=colour, alpha=0.4, linewidth=1)


def volume_figure(volumes: Sequence[VolumeMark], ended: int) -> Figure:
    """The front's hypervolume over the trials and over the time.

    Args:
        volumes: At least one, in order.
        ended: Trials that have ended by now.
    """
    figure = Figure(figsize=(9.5, 3.9), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    scale, unit = (_HOUR, "h") if volumes[-1].seconds >= _HOUR else (60.0, "min")
    _steps(left, [m.ended for m in volumes], volumes, max(ended, volumes[-1].ended))
    _steps(right, [m.seconds / scale for m in volumes], volumes, volumes[-1].seconds / scale)
    left.set(xlabel="trials that have ended", ylabel="hypervolume of the front", ylim=(0, None))
    left.xaxis.set_major_locator(MaxNLocator(integer=True))
    right.set(xlabel=f"time since the first trial began ({unit})")
    figure.suptitle(f"How the front grew; dots: {len(volumes)} completed trials", fontsize=11)
    return figure


def _steps(panel: Axes, across: Sequence[float], volumes: Sequence[VolumeMark], end: float) -> None:
    up = [m.volume for m in volumes]
    panel.step([*across, end], [*up, up[-1]], where="post", color=FRONT, linewidth=1.8)
    panel.plot(across, up, "o", color=FRONT, markersize=4)
    panel.set_xlim(0, 1.02 * end if end else 1)
    _plain(panel)


def losses_figure(runs: Sequence[tuple[str, Sequence[Mapping[str, Any]]]]) -> Figure:
    """Training loss (thin) and validation loss (thick, marked) of several trials.

    Args:
        runs: Label, and rows as `harness.tracking.run_log.metric_rows` makes them; at most `MOST_LINES` are drawn.
    """
    figure = Figure(figsize=(9.5, 4.4), layout="constrained")
    panel = figure.subplots()
    for (label, rows), colour in zip(runs, _LINES, strict=False):
        for name, style in (("train_loss", {"linewidth": 1.0, "alpha": 0.55}), ("eval_loss", {"linewidth": 2, "marker": "D"})):
            known = [(row["step"], row[name]) for row in rows if row.get(name) is not None]
            if known:
                named: dict[str, Any] = {"label": label} if name == "eval_loss" else {}
                panel.plot(*zip(*known, strict=True), color=colour, **style, **named)
    panel.set(xlabel="optimizer step", ylabel="loss (nats per token)")
    panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    if panel.get_legend_handles_labels()[0]:
        panel.legend(frameon=False, fontsize=9)
    panel.set_title("Training loss (thin) and validation loss (marked)", fontsize=11)
    _plain(panel)
    return figure


def _plain(panel: Axes) -> None:
    panel.grid(visible=True, color="#E5E5E5", linewidth=0.8)
    panel.set_axisbelow(True)
    for side in ("top", "right"):
        panel.spines[side].set_visible(False)
