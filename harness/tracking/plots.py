"""Still pictures (PNG): the Pareto front, and how any figure is written.

Drawn with matplotlib's object interface: no pyplot, no global state, no display.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.core.pareto import Objective
from harness.tracking.palette import BASELINES, DOMINATED, FRONT, KNEE, axis_title
from harness.tracking.points import TrialPoint, baselines, knee_point, trials

DPI = 130
_MAX_LABELS = 12  # beyond this only the front is numbered
_NEAR = 0.02  # marks closer than this share of an axis share one label


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG."""
    figure.savefig(path, dpi=DPI, facecolor="white")


def pareto(points: Sequence[TrialPoint], objectives: Sequence[Objective]) -> Figure:
    """The front against the rest: one panel per pair of objectives, or values by trial when there is only one."""
    pairs = list(combinations(range(len(objectives)), 2))
    wide = min(max(len(pairs), 1), 3)
    tall = -(-max(len(pairs), 1) // wide)
    figure = Figure(figsize=(5.2 * wide + (2.2 if wide == 1 else 0), 4.6 * tall + 0.6), layout="constrained")
    panels = figure.subplots(tall, wide, squeeze=False).ravel().tolist()
    for panel, pair in zip(panels, pairs, strict=False):
        _pair(panel, points, objectives, pair)
    if not pairs:
        _single(panels[0], points, objectives)
    for unused in panels[max(len(pairs), 1) :]:
        unused.set_visible(False)
    for panel in panels:
        _plain(panel)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 6 if wide > 1 else 3), frameon=False)
    whiskers = "; whiskers: 95 % interval" if any(any(p.intervals) for p in points) else ""
    figure.suptitle(f"{'Pareto front' if pairs else objectives[0].name}, {len(trials(points))} trials{whiskers}")
    return figure


def _pair(panel: Axes, points: Sequence[TrialPoint], objectives: Sequence[Objective], pair: tuple[int, int]) -> None:
    x, y = pair
    tuned = trials(points)
    behind: dict[str, Any] = {"color": DOMINATED, "paler": 0.35 if len(tuned) <= _MAX_LABELS else 0.12}
    _marks(panel, [p for p in tuned if not p.on_front], pair, label="dominated", marker="o", markersize=6, **behind)
    best = sorted((p for p in tuned if p.on_front), key=lambda p: p.values[x])
    _marks(panel, best, pair, label="front", color=FRONT, marker="o", markersize=8)
    if len(objectives) == 2 and len(best) > 1:
        where: Literal["pre", "post"] = "pre" if objectives[x].direction == "maximize" else "post"  # the dominated side
        panel.step([p.values[x] for p in best], [p.values[y] for p in best], where=where, color=FRONT, alpha=0.4, linewidth=1.2)
    for point, colour in zip(baselines(points), BASELINES * 9, strict=False):
        _marks(panel, [point], pair, label=point.label, color=colour, marker="D", markersize=8)
    balanced = knee_point(points, objectives)
    if balanced is not None:
        panel.plot(balanced.values[x], balanced.values[y], "*", ms=18, mfc=KNEE, mec="black", ls="", label="knee", zorder=6)
    _numbers(panel, tuned if len(tuned) <= _MAX_LABELS else best, pair)
    panel.set(xlabel=axis_title(objectives[x]), ylabel=axis_title(objectives[y]))


def _marks(panel: Axes, points: Sequence[TrialPoint], pair: tuple[int, int], *, paler: float = 0.35, **style: Any) -> None:
    """One series of marks with its whiskers, which are paler than the marks so that crowds stay readable."""
    if not points:
        return
    across, up = ([p.values[axis] for p in points] for axis in pair)
    left, down = (_whiskers(points, axis) for axis in pair)
    panel.errorbar(across, up, xerr=left, yerr=down, fmt="none", ecolor=style["color"], alpha=paler, elinewidth=1)
    panel.plot(across, up, linestyle="", zorder=4, **style)


def _whiskers(points: Sequence[TrialPoint], axis: int) -> list[list[float]]:
    """Lengths below and above the values, shape ``(2, n_points)``; 0 where no interval was measured."""
    bounds = [(p.values[axis], p.interval(axis) or (p.values[axis], p.values[axis])) for p in points]
    return [[max(value - low, 0.0) for value, (low, _) in bounds], [max(high - value, 0.0) for value, (_, high) in bounds]]


def _numbers(panel: Axes, points: Sequence[TrialPoint], pair: tuple[int, int]) -> None:
    """Trial numbers beside the marks; marks that lie on each other share one text."""
    if not points:
        return
    spans = {a: (max(p.values[a] for p in points) - min(p.values[a] for p in points)) or 1.0 for a in pair}
    groups: list[list[TrialPoint]] = []
    for point in points:
        near = (g for g in groups if all(abs(g[0].values[a] - point.values[a]) <= _NEAR * spans[a] for a in pair))
        group = next(near, None)
        if group is None:
            groups.append([point])
        else:
            group.append(point)
    for group in groups:
        place = (group[0].values[pair[0]], group[0].values[pair[1]])
        text = ", ".join(p.short for p in group)
        panel.annotate(text, place, (6, 5), textcoords="offset points", fontsize=8, zorder=7)


def _single(panel: Axes, points: Sequence[TrialPoint], objectives: Sequence[Objective]) -> None:
    """One objective: its value by trial, the untuned ones as lines across."""
    balanced = knee_point(points, objectives)
    for place, point in enumerate(trials(points)):
        colour = FRONT if point.on_front else DOMINATED
        panel.errorbar(place, point.values[0], yerr=_whiskers([point], 0), fmt="o", color=colour, elinewidth=1, capsize=2)
        if point is balanced:
            panel.plot(place, point.values[0], "*", ms=18, mfc=KNEE, mec="black", ls="", label="best", zorder=6)
    for point, colour in zip(baselines(points), BASELINES * 9, strict=False):
        panel.axhline(point.values[0], color=colour, linestyle="--", linewidth=1.4, label=point.label)
    every = len(trials(points)) // 30 + 1  # more than 30 numbers would overlap
    panel.set_xticks(range(0, len(trials(points)), every), [p.short for p in trials(points)[::every]])
    panel.set(xlabel="trial", ylabel=axis_title(objectives[0]))


def _plain(panel: Axes) -> None:
    panel.grid(visible=True, color="#E5E5E5", linewidth=0.8)
    panel.set_axisbelow(True)
    for side in ("top", "right"):
        panel.spines[side].set_visible(False)
