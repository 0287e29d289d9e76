"""The study read back: the front with its intervals, the knee, and the rows that tables and plots are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.config.sweep_config import SweepConfig
from harness.console.view import ResultRow
from harness.core.measured import Measured
from harness.core.outcome import Ending
from harness.core.pareto import Objective, front, knee
from harness.study.ledger import Ledger, Told
from harness.tracking.points import Kind, TrialPoint


@dataclass(frozen=True, slots=True)
class Results:
    """What a study has shown so far.

    Attributes:
        objectives: In order.
        trials: Every ended trial.
        on_front: Numbers of the trials that no other dominates.
        knee: Number of the front's balanced trial; None without a front.
        baselines: Label -> metrics.
    """

    objectives: tuple[Objective, ...]
    trials: tuple[Told, ...]
    on_front: tuple[int, ...]
    knee: int | None
    baselines: Mapping[str, Mapping[str, float]]

    @classmethod
    def read(cls, ledger: Ledger, config: SweepConfig) -> Results:
        """Read a study."""
        objectives = objectives_of(config)
        told = ledger.told()
        complete = [t for t in told if t.values is not None]
        directions = [o.direction for o in objectives]
        best = [complete[i] for i in front([t.values or () for t in complete], directions)] if complete else []
        chosen = best[knee([t.values or () for t in best], directions)].number if best else None
        return cls(objectives, told, tuple(t.number for t in best), chosen, ledger.noted("baselines") or {})

    def trial(self, number: int) -> Told | None:
        """An ended trial by its number."""
        return next((t for t in self.trials if t.number == number), None)

    def rows(self) -> tuple[ResultRow, ...]:
        """Table rows: baselines first, then trials by number."""
        rows = [ResultRow(label, "baseline", {}, measured(metrics, self.objectives)) for label, metrics in self.baselines.items()]
        return (*rows, *(self._row(told) for told in self.trials))

    def _row(self, told: Told) -> ResultRow:
        values: dict[str, Measured | None] = measured(told.metrics, self.objectives) if told.values is not None else {}
        return ResultRow(
            f"trial {told.number}",
            "trial",
            told.proposal,
            values,
            told.number in self.on_front,
            told.number == self.knee,
            told.ending,
            told.reason,
            told.rung if told.ending is Ending.PRUNED_RUNG else None,
        )

    def points(self) -> tuple[TrialPoint, ...]:
        """Plot points: completed trials and baselines."""
        trials = [
            self._point(f"trial {t.number}", t.metrics, t.proposal, on_front=t.number in self.on_front)
            for t in self.trials
            if t.ending is Ending.COMPLETED
        ]
        names = {o.name for o in self.objectives}
        untuned = [self._point(label, metrics, None) for label, metrics in self.baselines.items() if names <= set(metrics)]
        return (*untuned, *trials)

    def _point(
        self, label: str, metrics: Mapping[str, float], params: Mapping[str, Any] | None, *, on_front: bool = False
    ) -> TrialPoint:
        values = tuple(metrics[o.name] for o in self.objectives)
        intervals = tuple(_interval(metrics, o.name) for o in self.objectives)
        kind: Kind = "baseline" if params is None else "trial"
        return TrialPoint(label, params or {}, values, intervals, on_front, kind)


def objectives_of(config: SweepConfig) -> tuple[Objective, ...]:
    """The objectives of a sweep, in order."""
    return tuple(Objective(o.name, o.direction) for o in config.objectives)


def measured(metrics: Mapping[str, float], objectives: Sequence[Objective]) -> dict[str, Measured | None]:
    """Objective name -> figure with its interval; None where it was not measured."""
    return {o.name: figure(metrics, o.name) for o in objectives}


def figure(metrics: Mapping[str, float], name: str) -> Measured | None:
    """One figure with its interval."""
    if name not in metrics:
        return None
    bounds = _interval(metrics, name)
    return Measured(metrics[name], *bounds) if bounds else Measured(metrics[name])


def _interval(metrics: Mapping[str, float], name: str) -> tuple[float, float] | None:
    low, high = metrics.get(f"{name}_low"), metrics.get(f"{name}_high")
    return None if low is None or high is None else (low, high)
