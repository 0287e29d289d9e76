"""Each searched setting against each objective: the marks of a slice plot, and the still picture (PNG).

Owns which trials are shown: every completed one with its interval, and faintly those that were cut, at their last rung.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullFormatter

from harness.core.pareto import Objective
from harness.tracking.palette import BASELINES, DOMINATED, FRONT, KNEE, axis_title
from harness.tracking.points import Interval, TrialPoint, baselines, knee_point, trials
from harness.tracking.search import Fate, LearningCurve, SearchRecord

_MOST_PANELS_WIDE = 4
_APART = 0.07  # of the distance between two categories, for the marks of one category


@dataclass(frozen=True, slots=True)
class SliceMark:
    """A trial on a slice plot.

    Attributes:
        label: ``trial 3``.
        params: Sampled settings.
        values: Shape ``(n_objectives,)``.
        intervals: Shape ``(n_objectives,)`` or empty.
        fate: What became of it.
        is_knee: The balanced point of the front.
    """

    label: str
    params: Mapping[str, Any]
    values: tuple[float, ...]
    intervals: tuple[Interval | None, ...]
    fate: Fate
    is_knee: bool = False

    def interval(self, axis: int) -> Interval:
        """Bounds on one axis; the value itself where none was measured."""
        found = self.intervals[axis] if axis < len(self.intervals) else None
        return found or (self.values[axis], self.values[axis])


@dataclass(frozen=True, slots=True)
class SliceAxis:
    """One setting.

    Attributes:
        name: Of the setting.
        levels: The categories in order; empty for numbers.
        log: Whether it is drawn by powers.
    """

    name: str
    levels: tuple[str, ...] = ()
    log: bool = False

    def at(self, mark: SliceMark, place: int) -> float | None:
        """Where a mark stands; those of one category side by side. None where the trial has no such setting."""
        value = mark.params.get(self.name)
        if value is None:
            return None
        return self.levels.index(str(value)) + _APART * (place % 7 - 3) if self.levels else float(value)


def slice_marks(
    points: Sequence[TrialPoint], curves: Sequence[LearningCurve], objectives: Sequence[Objective]
) -> list[SliceMark]:
    """Trials that were cut or wait first, so that the completed ones are drawn over them."""
    balanced = knee_point(points, objectives)
    whole = {p.label for p in points}
    open_ = [c for c in curves if c.label not in whole]
    below = [SliceMark(c.label, c.params, c.marks[-1].values, c.marks[-1].intervals, c.fate) for c in open_]
    over = [
        SliceMark(p.label, p.params, p.values, p.intervals, Fate.FRONT if p.on_front else Fate.DOMINATED, p is balanced)
        for p in sorted(trials(points), key=lambda p: p.on_front)
    ]
    return [*below, *over]


def slice_axes(marks: Sequence[SliceMark], logs: frozenset[str]) -> list[SliceAxis]:
    """The settings that differ between the trials, in the order of the first one.

    Args:
        marks: The trials.
        logs: Settings that are searched by powers.
    """
    found = []
    for name in dict.fromkeys(name for mark in marks for name in mark.params):
        values = [mark.params[name] for mark in marks if mark.params.get(name) is not None]
        if len({str(value) for value in values}) > 1:
            found.append(_axis(name, values, log=name in logs))
    return found


def _axis(name: str, values: Sequence[Any], *, log: bool) -> SliceAxis:
    if all(isinstance(v, int | float) and not isinstance(v, bool) for v in values):
        return SliceAxis(name, log=log and min(values) > 0)
    return SliceAxis(name, tuple(sorted({str(v) for v in values})))


def slice_figure(points: Sequence[TrialPoint], search: SearchRecord, objectives: Sequence[Objective]) -> Figure | None:
    """A row of panels per objective, a panel per setting.

    Args:
        points: Completed trials and baselines.
        search: Has those that were cut, and which settings are searched by powers.
        objectives: At least one, in the order of `TrialPoint.values`.

    Returns:
        None where no two trials differ in a setting.
    """
    marks = slice_marks(points, search.curves, objectives)
    settings = slice_axes(marks, search.logs)
    if not settings:
        return None
    wide = min(len(settings), _MOST_PANELS_WIDE)
    blocks = -(-len(settings) // wide)  # settings that do not fit beside each other continue below
    tall = blocks * len(objectives)
    figure = Figure(figsize=(3.3 * wide + 0.9, 2.5 * tall + 0.9), layout="constrained")
    panels = figure.subplots(tall, wide, squeeze=False)
    for index, setting in enumerate(settings):
        for axis, objective in enumerate(objectives):
            panel = panels[index // wide * len(objectives) + axis, index % wide]
            _panel(panel, marks, setting, axis)
            _untuned(panel, points, axis)
            if axis == len(objectives) - 1:
                panel.set_xlabel(setting.name)
            if index % wide == 0:
                panel.set_ylabel(axis_title(objective).replace(" (", "\n("))
    for unused in panels.ravel()[[row * wide + k for row in range(tall) for k in range(wide) if _empty(panels[row, k])]]:
        unused.set_visible(False)
    figure.legend(handles=_legend(marks, points), loc="outside lower center", ncols=5, frameon=False, fontsize=9)
    figure.suptitle("Every setting against every objective (whiskers: 95 % interval)", fontsize=11)
    return figure


_STYLES: Final[Mapping[Fate, tuple[str, float, float]]] = {  # colour, opacity, size
    Fate.CUT: (DOMINATED, 0.3, 4),
    Fate.WAITING: (KNEE, 0.6, 4),
    Fate.DOMINATED: ("#4D4D4D", 0.85, 5),
    Fate.FRONT: (FRONT, 1.0, 6.5),
}


def _panel(panel: Axes, marks: Sequence[SliceMark], setting: SliceAxis, axis: int) -> None:
    placed = [(x, mark) for place, mark in enumerate(marks) if (x := setting.at(mark, place)) is not None]
    for order, fate in enumerate(Fate, 3):
        _marks(panel, [(x, mark) for x, mark in placed if mark.fate is fate], axis, fate, order)
    for x, mark in placed:
        if mark.is_knee:
            panel.plot(x, mark.values[axis], "*", ms=14, mfc=KNEE, mec="black", ls="", zorder=9)
    if setting.levels:
        panel.set_xticks(range(len(setting.levels)), [level[:18] for level in setting.levels])
        panel.set_xlim(-0.5, len(setting.levels) - 0.5)
    elif setting.log:
        panel.set_xscale("log")
        panel.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        panel.xaxis.set_major_formatter("{x:g}")
        panel.xaxis.set_minor_formatter(NullFormatter())
    panel.grid(visible=True, color="#E5E5E5", linewidth=0.8)
    panel.set_axisbelow(True)
    panel.tick_params(labelsize=8)
    for side in ("top", "right"):
        panel.spines[side].set_visible(False)


def _marks(panel: Axes, placed: Sequence[tuple[float, SliceMark]], axis: int, fate: Fate, order: int) -> None:
    """All of one fate at once: a sweep may have thousands."""
    colour, opacity, size = _STYLES[fate]
    across = [x for x, _ in placed]
    if fate in (Fate.FRONT, Fate.DOMINATED):
        low, high = ([mark.interval(axis)[end] for _, mark in placed] for end in (0, 1))
        panel.vlines(across, low, high, color=colour, alpha=0.3 * opacity, linewidth=1)
    style: dict[str, Any] = {"color": colour, "alpha": opacity, "markersize": size, "zorder": order}
    panel.plot(across, [mark.values[axis] for _, mark in placed], "x" if fate is Fate.CUT else "o", **style)


def _untuned(panel: Axes, points: Sequence[TrialPoint], axis: int) -> None:
    for point, colour in zip(baselines(points), BASELINES * 9, strict=False):
        panel.axhline(point.values[axis], color=colour, linestyle="--", linewidth=1, alpha=0.8, zorder=1)


def _empty(panel: Axes) -> bool:
    return not panel.has_data()


def _legend(marks: Sequence[SliceMark], points: Sequence[TrialPoint]) -> list[Line2D]:
    found = []
    for fate in Fate:
        count = sum(mark.fate is fate for mark in marks)
        if count:
            colour, opacity, size = _STYLES[fate]
            style: dict[str, Any] = {
                "color": colour,
                "alpha": opacity,
                "markersize": size,
                "marker": "x" if fate is Fate.CUT else "o",
            }
            found.append(Line2D([], [], linestyle="", label=f"{fate.value} ({count})", **style))
    if any(mark.is_knee for mark in marks):
        found.append(Line2D([], [], marker="*", ms=13, mfc=KNEE, mec="black", ls="", label="knee"))
    for point, colour in zip(baselines(points), BASELINES * 9, strict=False):
        found.append(Line2D([], [], color=colour, linestyle="--", label=point.label))
    return found
