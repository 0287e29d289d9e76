"""The measured points of a sweep, as plots and tables take them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from harness.core.pareto import Objective, knee

Kind = Literal["trial", "baseline"]
Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class TrialPoint:
    """One configuration and what it reached.

    Attributes:
        label: ``trial 3``, ``untuned, zero-shot``.
        params: Sampled settings; empty for a baseline.
        values: Shape ``(n_objectives,)``.
        intervals: Shape ``(n_objectives,)`` or empty: lower and upper bound in the units of the value, or None.
        on_front: No other trial dominates it.
        kind: A tuned trial, or an untuned baseline.
    """

    label: str
    params: Mapping[str, Any]
    values: tuple[float, ...]
    intervals: tuple[Interval | None, ...] = field(default=())
    on_front: bool = False
    kind: Kind = "trial"

    def interval(self, axis: int) -> Interval | None:
        """Bounds on one axis; None where none was measured."""
        return self.intervals[axis] if axis < len(self.intervals) else None

    @property
    def short(self) -> str:
        """The label as it fits beside a mark: the number of a trial."""
        return self.label.removeprefix("trial ")


def trials(points: Sequence[TrialPoint]) -> list[TrialPoint]:
    """The tuned ones."""
    return [p for p in points if p.kind == "trial"]


def baselines(points: Sequence[TrialPoint]) -> list[TrialPoint]:
    """The untuned ones."""
    return [p for p in points if p.kind == "baseline"]


def knee_point(points: Sequence[TrialPoint], objectives: Sequence[Objective]) -> TrialPoint | None:
    """The balanced point of the front; None where there is no front."""
    best = [p for p in trials(points) if p.on_front]
    return best[knee([p.values for p in best], [o.direction for o in objectives])] if best else None


def rows(points: Sequence[TrialPoint], objectives: Sequence[Objective]) -> list[dict[str, Any]]:
    """One flat row per point: label, kind, front, knee, values with bounds, parameters; the front first."""
    balanced = knee_point(points, objectives)
    ordered = sorted(points, key=lambda p: (not p.on_front, p.kind != "trial"))
    return [_row(p, objectives, is_knee=p is balanced) for p in ordered]


def _row(point: TrialPoint, objectives: Sequence[Objective], *, is_knee: bool) -> dict[str, Any]:
    row: dict[str, Any] = {"label": point.label, "kind": point.kind, "on_front": point.on_front, "knee": is_knee}
    for axis, objective in enumerate(objectives):
        row[objective.name] = point.values[axis]
        bounds = point.interval(axis)
        if bounds is not None:
            row[f"{objective.name}_low"], row[f"{objective.name}_high"] = bounds
    return {**row, **point.params}


def front_markdown(points: Sequence[TrialPoint], objectives: Sequence[Objective]) -> str:
    """The front and the baselines as a Markdown table, for the description of the sweep run."""
    balanced = knee_point(points, objectives)
    shown = [p for p in points if p.on_front or p.kind == "baseline"]
    head = ["", *(f"{o.name} ({o.direction})" for o in objectives)]
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for point in sorted(shown, key=lambda p: p.kind != "trial"):
        cells = [f"**{point.label} (knee)**" if point is balanced else point.label]
        cells += [_cell(value, point.interval(axis)) for axis, value in enumerate(point.values)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(["### Pareto front and untuned baselines", "", *lines])


def _cell(value: float, bounds: Interval | None) -> str:
    return f"{value:.3g}" if bounds is None else f"{value:.3g} [{bounds[0]:.3g}, {bounds[1]:.3g}]"
