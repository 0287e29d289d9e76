"""Still pictures of a search (PNG): learning curves over the rungs, and which settings mattered."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from harness.core.pareto import Objective
from harness.tracking.palette import BASELINES, DOMINATED, FRONT, KNEE, axis_title
from harness.tracking.search import Fate, LearningCurve

_STYLES: Final[Mapping[Fate, Mapping[str, Any]]] = {
    Fate.CUT: {"color": "#B8B8B8", "linewidth": 1.0, "zorder": 2},
    Fate.WAITING: {"color": KNEE, "linewidth": 1.2, "marker": "o", "markersize": 4, "linestyle": ":", "zorder": 3},
    Fate.DOMINATED: {"color": "#4D4D4D", "linewidth": 1.2, "marker": "o", "markersize": 4, "zorder": 4},
    Fate.FRONT: {"color": FRONT, "linewidth": 2.2, "marker": "o", "markersize": 6, "zorder": 5},
}
_END_OF_CUT: Final[Mapping[str, Any]] = {"marker": "x", "markersize": 4, "markeredgecolor": DOMINATED}
_CROWD = 60  # lines of one fate, from which on they are paler
_MOST_NUMBERS = 12  # lines of the front; beyond this they have neither numbers nor whiskers
_NEAR = 0.03  # numbers closer than this share of the axis are written into one text
_DODGE = 0.012  # between the whiskers of two trials, as a share of the axis
_BAR_COLOURS = (FRONT, KNEE, *BASELINES)


def learning_curves(curves: Sequence[LearningCurve], objectives: Sequence[Objective]) -> Figure:
    """Each objective over the share of training, a line for every trial that reached a rung.

    Args:
        curves: At least one.
        objectives: At least one, in the order of `RungMark.values`.
    """
    wide = min(len(objectives), 3)
    tall = -(-len(objectives) // wide)
    figure = Figure(figsize=(5.0 * wide + 1.2, 4.2 * tall + 0.9), layout="constrained")
    panels = figure.subplots(tall, wide, squeeze=False).ravel().tolist()
    for axis, (panel, objective) in enumerate(zip(panels, objectives, strict=False)):
        _panel(panel, curves, axis)
        panel.set(xlabel="share of training and of validation functions", ylabel=axis_title(objective))
    for unused in panels[len(objectives) :]:
        unused.set_visible(False)
    fates = [(fate, sum(curve.fate is fate for curve in curves)) for fate in Fate]
    handles = [Line2D([], [], **_sign(fate), label=f"{fate.value} ({count})") for fate, count in fates if count]
    figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 2 * wide), frameon=False)
    best = [curve for curve in curves if curve.fate is Fate.FRONT]
    shown = len(best) <= _MOST_NUMBERS and any(any(mark.intervals) for curve in best for mark in curve.marks)
    whiskers = "; whiskers: 95 % interval" if shown else ""
    figure.suptitle(f"{len(curves)} trials by rung{whiskers}")
    return figure


def _sign(fate: Fate) -> dict[str, Any]:
    return {**_STYLES[fate], **(_END_OF_CUT if fate is Fate.CUT else {})}


def _panel(panel: Axes, curves: Sequence[LearningCurve], axis: int) -> None:
    rungs = sorted({(mark.training, mark.validation) for curve in curves for mark in curve.marks})
    place = {training: float(index) for index, (training, _) in enumerate(rungs)}
    best = [curve for curve in curves if curve.fate is Fate.FRONT]
    named = best if len(best) <= _MOST_NUMBERS else []
    for fate in Fate:
        _lines(panel, [curve for curve in curves if curve.fate is fate], axis, place, fate)
    for index, curve in enumerate(named):
        _whiskers(panel, curve, axis, place, (index - (len(named) - 1) / 2) * _DODGE * max(len(rungs) - 1, 1))
    panel.set_xticks(range(len(rungs)), [f"{training:.0%}\n{validation:.0%}" for training, validation in rungs])
    panel.set_xlim(-0.25, len(rungs) - 0.6)
    _numbers(panel, named, axis, place)
    panel.grid(visible=True, axis="y", color="#E5E5E5", linewidth=0.8)
    panel.set_axisbelow(True)
    for side in ("top", "right"):
        panel.spines[side].set_visible(False)


def _lines(panel: Axes, curves: Sequence[LearningCurve], axis: int, place: Mapping[float, float], fate: Fate) -> None:
    """All lines of one fate at once, with gaps between them: a sweep may have thousands."""
    across = [at for curve in curves for at in (*(place[mark.training] for mark in curve.marks), math.nan)]
    up = [at for curve in curves for at in (*(mark.values[axis] for mark in curve.marks), math.nan)]
    panel.plot(across, up, **_STYLES[fate], alpha=0.25 if len(curves) > _CROWD else 0.9)
    if fate is Fate.CUT:
        ends = [(place[curve.marks[-1].training], curve.marks[-1].values[axis]) for curve in curves]
        panel.plot([x for x, _ in ends], [y for _, y in ends], linestyle="", zorder=2, **_END_OF_CUT)


def _whiskers(panel: Axes, curve: LearningCurve, axis: int, place: Mapping[float, float], shift: float) -> None:
    """Intervals of a front line, a little beside the marks so that those of several stay apart."""
    for mark in curve.marks:
        bounds = mark.interval(axis)
        if bounds is not None:
            panel.vlines(place[mark.training] + shift, *bounds, color=FRONT, alpha=0.35, linewidth=1)


def _numbers(panel: Axes, best: Sequence[LearningCurve], axis: int, place: Mapping[float, float]) -> None:
    """Numbers of the front's trials at the ends of their lines; those that end close together share a text."""
    low, high = panel.get_ylim()
    groups: list[list[LearningCurve]] = []
    for curve in sorted(best, key=lambda curve: curve.marks[-1].values[axis]):
        if groups and curve.marks[-1].values[axis] - groups[-1][0].marks[-1].values[axis] <= _NEAR * (high - low):
            groups[-1].append(curve)
        else:
            groups.append([curve])
    for group in groups:
        last = group[0].marks[-1]
        text = ", ".join(sorted((curve.short for curve in group), key=len))
        panel.annotate(
            text, (place[last.training], last.values[axis]), (7, -3), textcoords="offset points", fontsize=8, color=FRONT
        )


def importance_bars(importances: Mapping[str, Mapping[str, float]]) -> Figure:
    """A group of bars per parameter, a bar per objective; the parameter that matters most in the mean is on top.

    Args:
        importances: Objective -> parameter -> share of the total, 0-1; at least one of each.
    """
    names = list(dict.fromkeys(name for shares in importances.values() for name in shares))
    mean = {name: sum(shares.get(name, 0.0) for shares in importances.values()) / len(importances) for name in names}
    names.sort(key=lambda name: mean[name])
    height = 0.8 / len(importances)
    figure = Figure(figsize=(7.5, max(2.6, 0.24 * len(names) * (len(importances) + 1) + 1.4)), layout="constrained")
    panel = figure.subplots()
    for index, ((objective, shares), colour) in enumerate(zip(importances.items(), _BAR_COLOURS * 9, strict=False)):
        middle = [place + 0.4 - height * (index + 0.5) for place in range(len(names))]
        bars = panel.barh(middle, [shares.get(name, 0.0) for name in names], 0.9 * height, color=colour, label=objective)
        panel.bar_label(bars, [f"{shares.get(name, 0.0):.0%}" for name in names], padding=3, fontsize=8)
    panel.set_yticks(range(len(names)), names)
    panel.set(xlabel="share of the importance", xlim=(0, 1.08 * max(max(s.values()) for s in importances.values())))
    panel.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    figure.suptitle("Which settings decide whether a trial is among the best (PED-ANOVA)")
    for side in ("top", "right"):
        panel.spines[side].set_visible(False)
    return figure
