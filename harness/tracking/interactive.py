"""Interactive pictures (HTML by plotly): Pareto front and parallel coordinates.

Each page holds everything it needs, plotly's own script included (4-5 MB), so that it opens without a network.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import combinations
from typing import Any

import plotly.graph_objects as go
from plotly.colors import sample_colorscale
from plotly.subplots import make_subplots

from harness.core.pareto import Objective
from harness.tracking.axes import Axis, axes
from harness.tracking.palette import BASELINES, DOMINATED, FRONT, KNEE, SCALE, axis_title
from harness.tracking.points import TrialPoint, baselines, knee_point, trials

_CROWD = 14  # points, from which on whiskers of the dominated ones are paler


def pareto_html(points: Sequence[TrialPoint], objectives: Sequence[Objective]) -> str:
    """A page of `pareto`."""
    pairs = max(1, len(objectives) * (len(objectives) - 1) // 2)
    return _page(pareto(points, objectives), least_width=max(600, 340 * pairs))


def pareto(points: Sequence[TrialPoint], objectives: Sequence[Objective]) -> go.Figure:
    """The front against the rest; hovering shows the trial, its settings and its results with their intervals.

    Args:
        points: Trials and baselines.
        objectives: In the order of `TrialPoint.values`; with one, the other axis is the order of the trials.
    """
    pairs: list[tuple[int | None, int]] = list(combinations(range(len(objectives)), 2)) or [(None, 0)]
    figure = make_subplots(rows=1, cols=len(pairs), horizontal_spacing=0.07)
    for column, (x, y) in enumerate(pairs, start=1):
        for series in _series(points, objectives):
            figure.add_trace(_scatter(series, (x, y), points, objectives, first=column == 1), row=1, col=column)
        figure.update_xaxes(title="measured, in order" if x is None else axis_title(objectives[x]), row=1, col=column)
        figure.update_yaxes(title=axis_title(objectives[y]), row=1, col=column)
    legend = {"orientation": "h", "y": -0.22}
    figure.update_layout(title=f"Pareto front of {len(trials(points))} trials", legend=legend)
    return figure


def parallel_html(points: Sequence[TrialPoint], objectives: Sequence[Objective]) -> str:
    """A page of `parallel`."""
    return _page(parallel(points, objectives), least_width=max(700, 110 * len(axes(points, objectives)) + 200))


def parallel(points: Sequence[TrialPoint], objectives: Sequence[Objective]) -> go.Figure:
    """Every trial as a line through its settings and results; a click in the legend hides one, two show it alone."""
    columns = axes(points, objectives)
    balanced = knee_point(points, objectives)
    figure = go.Figure()
    for index, (point, colour) in enumerate(zip(points, _colours(points), strict=True)):
        crossed = [(x, at) for x, c in enumerate(columns) if (at := c.positions[index]) is not None]
        knee = point is balanced
        figure.add_trace(_trace(point, crossed, hover(point, objectives), KNEE if knee else colour, knee=knee))
    for x, column in enumerate(columns):
        figure.add_vline(x=x, line={"color": "black", "width": 2 if column.is_objective else 1}, layer="below")
        _ticks(figure, x, column)
    figure.update_xaxes(tickvals=list(range(len(columns))), ticktext=[c.name for c in columns], showgrid=False, zeroline=False)
    figure.update_yaxes(visible=False, range=[-0.05, 1.05])
    title = f"Settings and results; colour: {objectives[0].name} (yellow is high), thick: front, dashed: untuned"
    figure.update_layout(title=title)
    return figure


Series = tuple[str, list[TrialPoint], dict[str, Any]]


def _series(points: Sequence[TrialPoint], objectives: Sequence[Objective]) -> list[Series]:
    tuned = trials(points)
    edge = {"color": "white", "width": 1}
    found: list[Series] = [
        ("dominated", [p for p in tuned if not p.on_front], {"color": DOMINATED, "size": 9, "line": edge}),
        ("front", [p for p in tuned if p.on_front], {"color": FRONT, "size": 12, "line": edge}),
    ]
    for point, colour in zip(baselines(points), BASELINES * 9, strict=False):
        found.append((point.label, [point], {"color": colour, "size": 12, "symbol": "diamond", "line": edge}))
    balanced = knee_point(points, objectives)
    if balanced is not None:
        line = {"color": "black", "width": 1}
        found.append(("knee", [balanced], {"color": KNEE, "size": 19, "symbol": "star", "line": line}))
    return [series for series in found if series[1]]


def _scatter(
    series: Series, pair: tuple[int | None, int], points: Sequence[TrialPoint], objectives: Sequence[Objective], *, first: bool
) -> go.Scatter:
    name, members, marker = series
    x, y = pair
    unnamed = name == "dominated" and len(points) > _CROWD
    return go.Scatter(
        x=[points.index(p) if x is None else p.values[x] for p in members],
        y=[p.values[y] for p in members],
        error_x=None if x is None else whiskers(members, x, _paler(marker["color"], points)),
        error_y=whiskers(members, y, _paler(marker["color"], points)),
        mode="markers" if name == "knee" or members[0].kind == "baseline" or unnamed else "markers+text",
        text=[p.short for p in members],
        textposition="top right",
        marker=marker,
        name=name,
        legendgroup=name,
        showlegend=first,
        customdata=[hover(p, objectives) for p in members],
        hovertemplate="%{customdata}<extra></extra>",
    )


def _paler(colour: str, points: Sequence[TrialPoint]) -> str:
    """Whiskers of the many must not hide those of the front."""
    return "rgba(140,140,140,0.2)" if colour == DOMINATED and len(points) > _CROWD else colour


def whiskers(members: Sequence[TrialPoint], axis: int, colour: str) -> dict[str, Any] | None:
    """Intervals on one axis as plotly takes them; None where none was measured."""
    bounds = [p.interval(axis) or (p.values[axis], p.values[axis]) for p in members]
    if all(low == high for low, high in bounds):
        return None
    return {
        "type": "data",
        "array": [max(high - p.values[axis], 0.0) for p, (_, high) in zip(members, bounds, strict=True)],
        "arrayminus": [max(p.values[axis] - low, 0.0) for p, (low, _) in zip(members, bounds, strict=True)],
        "color": colour,
        "thickness": 0.7,
        "width": 2,
    }


def hover(point: TrialPoint, objectives: Sequence[Objective]) -> str:
    """What a mark says: label, results with their intervals, settings."""
    lines = [f"<b>{escape(point.label)}</b>"]
    for axis, objective in enumerate(objectives):
        bounds = point.interval(axis)
        tail = "" if bounds is None else f" [{bounds[0]:.3g}, {bounds[1]:.3g}]"
        lines.append(f"{escape(objective.name)}: {point.values[axis]:.4g}{tail}")
    return "<br>".join([*lines, *(f"{escape(k)} = {escape(str(v))}" for k, v in point.params.items())])


def _colours(points: Sequence[TrialPoint]) -> list[str]:
    values = [p.values[0] for p in trials(points)] or [0.0]
    low, span = min(values), (max(values) - min(values)) or 1.0
    own = dict(zip([p.label for p in baselines(points)], BASELINES * 9, strict=False))
    return [
        own[p.label] if p.kind == "baseline" else str(sample_colorscale(SCALE, [0.92 * (p.values[0] - low) / span])[0])
        for p in points
    ]


def _trace(point: TrialPoint, crossed: list[tuple[int, float]], hover: str, colour: str, *, knee: bool) -> go.Scatter:
    width = 5.0 if knee else 3.2 if point.on_front else 1.4
    dash = "dash" if point.kind == "baseline" else "solid"
    return go.Scatter(
        x=[x for x, _ in crossed],
        y=[y for _, y in crossed],
        mode="lines+markers",
        line={"color": colour, "width": width, "dash": dash},
        marker={"size": 7, "symbol": "diamond" if point.kind == "baseline" else "circle"},
        opacity=1.0 if knee or point.on_front or point.kind == "baseline" else 0.6,
        name=f"{point.label} (knee)" if knee else point.label,
        hovertemplate=hover + "<extra></extra>",
    )


def _ticks(figure: go.Figure, x: int, column: Axis) -> None:
    for at, text in column.ticks:
        figure.add_annotation(x=x, y=at, text=text, showarrow=False, xanchor="left", xshift=7, bgcolor="rgba(255,255,255,0.8)")


def _page(figure: go.Figure, *, least_width: int) -> str:
    """As wide as the window, but never so narrow (in pixels) that marks overlap: then it scrolls."""
    figure.update_layout(template="plotly_white", font={"size": 13}, hoverlabel={"align": "left"})
    page = str(figure.to_html(include_plotlyjs=True, default_height="580px", config={"displaylogo": False, "responsive": True}))
    return page.replace("</head>", f"<style>.plotly-graph-div{{min-width:{least_width}px}}</style></head>", 1)
