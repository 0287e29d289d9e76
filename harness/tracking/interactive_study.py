"""Every interactive picture of a study on one HTML page (plotly, its script once): front, slices, importances, growth.

The page holds everything it needs (4-5 MB) and opens without a network. The still ones are `slices`', `study_plots`' and
`search_plot`'s.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from harness.core.pareto import Objective
from harness.tracking.interactive import hover, parallel, pareto, whiskers
from harness.tracking.palette import BASELINES, DOMINATED, FRONT, KNEE, axis_title
from harness.tracking.points import TrialPoint, baselines, knee_point, trials
from harness.tracking.search import Fate, SearchRecord
from harness.tracking.slices import SliceAxis, SliceMark, slice_axes, slice_marks

_COLOURS = (FRONT, KNEE, *BASELINES)
_STYLES = {  # colour, opacity, size
    Fate.CUT: (DOMINATED, 0.35, 6),
    Fate.WAITING: (KNEE, 0.7, 6),
    Fate.DOMINATED: ("#4D4D4D", 0.85, 7),
    Fate.FRONT: (FRONT, 1.0, 10),
}
_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:1500px;margin:0 auto;padding:16px;background:#fff;color:#1c2024}"
    "h1{font-size:24px}section{overflow-x:auto;margin:0 0 28px}"
)


def study_html(title: str, points: Sequence[TrialPoint], search: SearchRecord, objectives: Sequence[Objective]) -> str:
    """The page; hovering over a mark shows its trial, its settings and its results with their intervals.

    Args:
        title: Of the page.
        points: Completed trials and baselines, at least one.
        search: Of the same study.
        objectives: At least one, in the order of `TrialPoint.values`.
    """
    parts: list[str] = []
    for figure, height, least in _figures(points, search, objectives):
        figure.update_layout(template="plotly_white", font={"size": 13}, hoverlabel={"align": "left"})
        config = {"displaylogo": False, "responsive": True}
        drawn = figure.to_html(full_html=False, include_plotlyjs=not parts, default_height=f"{height}px", config=config)
        parts.append(f'<section><div style="min-width:{least}px">{drawn}</div></section>')
    head = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style></head>'
    )
    return f"{head}<body><h1>{escape(title)}</h1>{''.join(parts)}</body></html>\n"


def _figures(
    points: Sequence[TrialPoint], search: SearchRecord, objectives: Sequence[Objective]
) -> Iterator[tuple[go.Figure, int, int]]:
    """Figure, height and least width in pixels."""
    pairs = max(1, len(objectives) * (len(objectives) - 1) // 2)
    yield pareto(points, objectives), 560, max(600, 340 * pairs)
    if len(objectives) >= 3:
        yield pareto_3d(points, objectives), 700, 500
    marks = slice_marks(points, search.curves, objectives)
    settings = slice_axes(marks, search.logs)
    if settings:
        yield slices(marks, settings, objectives), 120 + 250 * len(objectives), 260 * len(settings) + 120
    yield parallel(points, objectives), 560, 900
    if search.importances:
        yield importances(search), 170 + 30 * len(objectives) * len(next(iter(search.importances.values()))), 500
    if search.volumes:
        yield volumes(search), 420, 600


def pareto_3d(points: Sequence[TrialPoint], objectives: Sequence[Objective]) -> go.Figure:
    """The first three objectives, to be turned by hand.

    Args:
        points: Trials and baselines.
        objectives: At least three.
    """
    figure = go.Figure()
    balanced = knee_point(points, objectives)
    groups = [("dominated", [p for p in trials(points) if not p.on_front], DOMINATED, 4, "circle")]
    groups += [("front", [p for p in trials(points) if p.on_front], FRONT, 7, "circle")]
    groups += [(p.label, [p], colour, 6, "diamond") for p, colour in zip(baselines(points), BASELINES * 9, strict=False)]
    groups += [("knee", [balanced], KNEE, 9, "diamond-open")] if balanced is not None else []
    for name, members, colour, size, symbol in groups:
        if not members:
            continue
        errors = {f"error_{a}": whiskers(members, k, colour) for k, a in enumerate("xyz")} if name != "dominated" else {}
        texts = [hover(p, objectives) + "<extra></extra>" for p in members]
        x, y, z = ([p.values[axis] for p in members] for axis in range(3))
        marker = {"color": colour, "size": size, "symbol": symbol}
        figure.add_trace(go.Scatter3d(x=x, y=y, z=z, mode="markers", name=name, marker=marker, hovertemplate=texts, **errors))
    axes = {f"{a}axis": {"title": axis_title(o)} for a, o in zip("xyz", objectives[:3], strict=True)}
    figure.update_layout(title="The front in three dimensions (drag to turn)", scene=axes, legend={"orientation": "h"})
    figure.update_scenes(aspectmode="cube", camera={"eye": {"x": 1.55, "y": -1.55, "z": 0.8}})
    figure.update_layout(margin={"l": 0, "r": 0, "t": 50, "b": 0})
    return figure


def slices(marks: Sequence[SliceMark], settings: Sequence[SliceAxis], objectives: Sequence[Objective]) -> go.Figure:
    """A row per objective, a column per setting; cut trials at their last rung."""
    gaps = {"horizontal_spacing": 0.16 / len(settings), "vertical_spacing": 0.14 / len(objectives)}
    figure = make_subplots(rows=len(objectives), cols=len(settings), **gaps)
    places = [(row, column) for row in range(1, len(objectives) + 1) for column in range(1, len(settings) + 1)]
    for row, column in places:
        setting, objective = settings[column - 1], objectives[row - 1]
        for fate in Fate:
            trace = _slice(marks, setting, row - 1, (objective.name, fate))
            if trace is not None:
                trace.showlegend = row == column == 1
                figure.add_trace(trace, row=row, col=column)
        figure.update_xaxes(**_scale(setting, marks), row=row, col=column)
        if column == 1:
            figure.update_yaxes(title=axis_title(objective).replace(" (", "<br>("), row=row, col=1)
        if row == len(objectives):
            figure.update_xaxes(title=escape(setting.name), row=row, col=column)
    title = "Every setting against every objective (whiskers: 95 % interval)"
    figure.update_layout(title=title, legend={"orientation": "h", "y": 1.06})
    return figure


def _slice(marks: Sequence[SliceMark], setting: SliceAxis, axis: int, of: tuple[str, Fate]) -> go.Scatter | None:
    name, fate = of
    placed = [(x, m) for place, m in enumerate(marks) if m.fate is fate and (x := setting.at(m, place)) is not None]
    if not placed:
        return None
    colour, opacity, size = _STYLES[fate]
    bounds = [m.interval(axis) for _, m in placed]
    error = {
        "type": "data",
        "array": [high - m.values[axis] for (_, m), (_, high) in zip(placed, bounds, strict=True)],
        "arrayminus": [m.values[axis] - low for (_, m), (low, _) in zip(placed, bounds, strict=True)],
        "thickness": 0.6,
        "width": 0,
        "color": colour,
    }
    texts = [
        f"<b>{escape(m.label)}</b><br>{escape(name)}: {m.values[axis]:.4g}<br>{_settings(m)}<extra></extra>" for _, m in placed
    ]
    return go.Scatter(
        x=[x for x, _ in placed],
        y=[m.values[axis] for _, m in placed],
        error_y=error if fate in (Fate.FRONT, Fate.DOMINATED) else None,
        mode="markers",
        marker={"color": colour, "size": size, "opacity": opacity, "symbol": "x" if fate is Fate.CUT else "circle"},
        name=fate.value,
        legendgroup=fate.value,
        hovertemplate=texts,
    )


def _settings(mark: SliceMark) -> str:
    return "<br>".join(f"{escape(k)} = {escape(str(v))}" for k, v in mark.params.items())


def _scale(setting: SliceAxis, marks: Sequence[SliceMark]) -> dict[str, Any]:
    if setting.levels:
        levels = [escape(level) for level in setting.levels]
        return {"tickvals": list(range(len(levels))), "ticktext": levels, "range": [-0.5, len(levels) - 0.5]}
    if not setting.log:
        return {}
    values = [math.log10(float(m.params[setting.name])) for m in marks if m.params.get(setting.name) is not None]
    low, high = min(values), max(values)
    ticks = [d * 10.0**k for k in range(math.floor(low), math.ceil(high) + 1) for d in (1, 2, 5)]
    shown = [tick for tick in ticks if low - 0.05 <= math.log10(tick) <= high + 0.05]
    gap = 0.05 * (high - low) + 0.01
    return {"type": "log", "tickvals": shown, "ticktext": [f"{t:g}" for t in shown], "range": [low - gap, high + gap]}


def importances(search: SearchRecord) -> go.Figure:
    """A group of bars per setting, a bar per objective."""
    figure = go.Figure()
    names = list(dict.fromkeys(name for shares in search.importances.values() for name in shares))
    names.sort(key=lambda name: sum(shares.get(name, 0.0) for shares in search.importances.values()))
    for (objective, shares), colour in zip(search.importances.items(), _COLOURS * 9, strict=False):
        values = [shares.get(name, 0.0) for name in names]
        across = [escape(name) for name in names]
        figure.add_trace(go.Bar(y=across, x=values, orientation="h", name=escape(objective), marker={"color": colour}))
    title = "Which settings decide whether a trial is among the best (PED-ANOVA)"
    figure.update_layout(title=title, barmode="group", legend={"traceorder": "normal"})
    figure.update_xaxes(tickformat=".0%", title="share of the importance")
    return figure


def volumes(search: SearchRecord) -> go.Figure:
    """The front's hypervolume over the trials that have ended and over the time."""
    figure = make_subplots(rows=1, cols=2, shared_yaxes=True, horizontal_spacing=0.04)
    marks = search.volumes
    texts = [
        f"<b>{escape(m.label)}</b><br>{m.ended} trials had ended<br>hypervolume {m.volume:.4g}<extra></extra>" for m in marks
    ]
    for column, across in enumerate(([m.ended for m in marks], [m.seconds / 60 for m in marks]), 1):
        line = {"color": FRONT, "shape": "hv"}
        trace = go.Scatter(x=across, y=[m.volume for m in marks], mode="lines+markers", line=line, hovertemplate=texts)
        figure.add_trace(trace, row=1, col=column)
    figure.update_layout(title="How the front grew", showlegend=False)
    figure.update_xaxes(title="trials that have ended", row=1, col=1)
    figure.update_xaxes(title="minutes since the first trial began", row=1, col=2)
    figure.update_yaxes(title="hypervolume of the front", rangemode="tozero", row=1, col=1)
    return figure
