"""The picture of incremental training (PNG): validation scores by step with their intervals, and what each step trained on.

Drawn with matplotlib's object interface, in the colours of `harness.tracking.palette`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.core.steps_points import SHOWN, StepPoint
from harness.tracking.palette import BASELINES, DOMINATED, FRONT, KNEE

_COLOURS = dict(zip(SHOWN, (FRONT, KNEE, BASELINES[2]), strict=True))
_MARKS = dict(zip(SHOWN, ("o", "s", "^"), strict=True))
_APART = 0.07  # of a step, between the series, so that their whiskers do not lie on each other
_MAX_TICKS = 26
_DASHES = (0, (5, 4))


def steps_figure(name: str, points: Sequence[StepPoint]) -> Figure:
    """Scores above, training sets below, one place per step.

    Args:
        name: What the steps' studies are named after.
        points: The finished steps, at least one.
    """
    figure = Figure(figsize=(max(7.0, min(14.0, 4.5 + 0.9 * len(points))), 6.2), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3.2, 1])
    _scores(upper, points)
    _sizes(lower, points)
    for panel in (upper, lower):
        _plain(panel)
    handles, labels = upper.get_legend_handles_labels()
    order = sorted(range(len(labels)), key=lambda place: labels[place].startswith("untuned"))
    chosen = [handles[k] for k in order], [labels[k] for k in order]
    upper.legend(*chosen, frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(1.0, 1.02))
    lower.legend(frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(1.0, 1.05))
    figure.suptitle(f"{name}: the chosen adapter of each step on the same validation functions")
    return figure


def _scores(panel: Axes, points: Sequence[StepPoint]) -> None:
    shown = [metric for metric in SHOWN if any(metric in point.values for point in points)]
    for place, metric in enumerate(shown):
        known = [point for point in points if metric in point.values]
        across = [point.number + _APART * (place - (len(shown) - 1) / 2) for point in known]
        heights = [point.values[metric].value for point in known]
        colour = _COLOURS[metric]
        style: dict[str, Any] = {
            "color": colour,
            "marker": _MARKS[metric],
            "linewidth": 1.8,
            "markersize": 7,
            "capsize": 3,
            "elinewidth": 1.2,
        }
        panel.errorbar(
            across, heights, yerr=_whiskers(known, metric), label=f"{metric}, now {heights[-1]:.2f}", zorder=4, **style
        )
        _base(panel, known, metric)
    panel.plot([], [], color=DOMINATED, linestyle=_DASHES, linewidth=1.1, label="untuned base, zero-shot")
    panel.set_ylabel("mean over the validation functions\n(whiskers: 95 % interval)")
    top = min(1.02, max(panel.get_ylim()[1], 0.1))
    panel.set_ylim(-0.02 * top, top)  # marks at 0 stay whole


def _base(panel: Axes, known: Sequence[StepPoint], metric: str) -> None:
    """The untuned base as a line across; it is measured on the same functions in every step."""
    measured = [point.base[metric].value for point in known if metric in point.base]
    if measured:
        panel.axhline(measured[-1], color=_COLOURS[metric], linestyle=_DASHES, linewidth=1.1, alpha=0.8)


def _whiskers(known: Sequence[StepPoint], metric: str) -> list[list[float]]:
    """Lengths below and above, shape ``(2, n_points)``; 0 where no interval was measured."""
    figures = [point.values[metric] for point in known]
    below = [max(0.0, f.value - f.low) if f.low is not None else 0.0 for f in figures]
    return [below, [max(0.0, f.high - f.value) if f.high is not None else 0.0 for f in figures]]


def _sizes(panel: Axes, points: Sequence[StepPoint]) -> None:
    across = [point.number for point in points]
    earlier = [point.trained_on - point.new for point in points]
    panel.bar(across, earlier, width=0.5, color="#C9D3DC", label="of earlier batches")
    panel.bar(across, [p.new for p in points], width=0.5, bottom=earlier, color="#56B4E9", label="of the new batch")
    for point in points:
        panel.annotate(
            str(point.trained_on), (point.number, point.trained_on), (0, 3), textcoords="offset points", ha="center", fontsize=9
        )
    panel.margins(y=0.25)
    every = len(points) // _MAX_TICKS + 1
    labelled = points[::every]
    panel.set_xticks([p.number for p in labelled], [_tick(p) for p in labelled])
    panel.set_xlim(across[0] - 0.6, across[-1] + 0.6)
    panel.set(ylabel="functions\ntrained on", xlabel="step (the trial that was chosen)")


def _tick(point: StepPoint) -> str:
    scratch = "\nfrom scratch" if point.start_from == "scratch" and point.number else ""
    return f"{point.number}\n(trial {point.trial}){scratch}"


def _plain(panel: Axes) -> None:
    panel.grid(visible=True, axis="y", color="#E5E5E5", linewidth=0.8)
    panel.set_axisbelow(True)
    for side in ("top", "right"):
        panel.spines[side].set_visible(False)
