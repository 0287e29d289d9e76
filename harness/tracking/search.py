"""How a search went, as plots and tables take it: what each trial was worth at each rung, and which settings mattered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from harness.core.pareto import Objective
from harness.tracking.points import Interval


class Fate(Enum):
    """What became of a trial, best last: that is also the order in which they are drawn."""

    CUT = "cut at a rung"
    WAITING = "not decided"
    DOMINATED = "trained whole, dominated"
    FRONT = "front"


@dataclass(frozen=True, slots=True)
class RungMark:
    """What a trial was worth at a rung.

    Attributes:
        training: Share of the optimizer steps done, in (0, 1].
        validation: Share of the validation functions it was judged by, in (0, 1].
        values: Shape ``(n_objectives,)``.
        intervals: Shape ``(n_objectives,)`` or empty: lower and upper bound in the units of the value, or None.
    """

    training: float
    validation: float
    values: tuple[float, ...]
    intervals: tuple[Interval | None, ...] = ()

    def interval(self, axis: int) -> Interval | None:
        """Bounds on one axis; None where none was measured."""
        return self.intervals[axis] if axis < len(self.intervals) else None


@dataclass(frozen=True, slots=True)
class LearningCurve:
    """A trial over the rungs it has reached.

    Attributes:
        label: ``trial 3``.
        marks: Lowest rung first; that of a trial which was trained whole ends at the full rung.
        fate: What became of it.
        params: Sampled settings.
    """

    label: str
    marks: tuple[RungMark, ...]
    fate: Fate
    params: Mapping[str, Any] = field(default_factory=dict)

    @property
    def short(self) -> str:
        """The label as it fits beside a line: the number."""
        return self.label.removeprefix("trial ")


@dataclass(frozen=True, slots=True)
class VolumeMark:
    """The front when a trial had completed.

    Attributes:
        label: ``trial 3``.
        ended: Trials that had ended by then, this one included, however they did.
        seconds: From the beginning of the study's first trial.
        volume: Hypervolume of the front, see `harness.core.front_volume`.
    """

    label: str
    ended: int
    seconds: float
    volume: float


@dataclass(frozen=True, slots=True)
class SearchRecord:
    """What a search leaves beside its front.

    Attributes:
        curves: Every trial that reached a rung; empty where every trial is trained whole.
        importances: Objective -> parameter -> share of the total, 0-1; empty where it is too early to say.
        volumes: How the front grew, trial by trial in the order in which they completed.
        logs: Settings that are searched by powers.
    """

    curves: Sequence[LearningCurve] = ()
    importances: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    volumes: Sequence[VolumeMark] = ()
    logs: frozenset[str] = frozenset()

    @property
    def climbs(self) -> bool:
        """Whether trials were scored at several rungs: else there is no curve to draw."""
        return len({mark.training for curve in self.curves for mark in curve.marks}) > 1


def rung_rows(curves: Sequence[LearningCurve], objectives: Sequence[Objective]) -> list[dict[str, Any]]:
    """One flat row per trial and rung: label, fate, shares, values with bounds."""
    return [_row(curve, mark, objectives) for curve in curves for mark in curve.marks]


def _row(curve: LearningCurve, mark: RungMark, objectives: Sequence[Objective]) -> dict[str, Any]:
    row: dict[str, Any] = {"label": curve.label, "fate": curve.fate.value}
    row |= {"training": mark.training, "validation": mark.validation}
    for axis, objective in enumerate(objectives):
        row[objective.name] = mark.values[axis]
        bounds = mark.interval(axis)
        if bounds is not None:
            row[f"{objective.name}_low"], row[f"{objective.name}_high"] = bounds
    return row


def volume_rows(volumes: Sequence[VolumeMark]) -> list[dict[str, Any]]:
    """One flat row per completed trial, in the order in which they did."""
    return [{"label": m.label, "ended": m.ended, "seconds": round(m.seconds, 1), "hypervolume": m.volume} for m in volumes]


def importance_rows(importances: Mapping[str, Mapping[str, float]]) -> list[dict[str, Any]]:
    """One flat row per parameter: its share for each objective."""
    names = dict.fromkeys(name for shares in importances.values() for name in shares)
    return [{"parameter": name, **{o: shares.get(name) for o, shares in importances.items()}} for name in names]
