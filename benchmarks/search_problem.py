"""What the search benchmark searches: learning curves with their space, rungs, objectives, and the front of all there is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from scipy.stats import qmc

from harness.core.pareto import Direction, hypervolume
from harness.core.rungs import Rung, Rungs, RungScore
from harness.simulation.curves import Curves, Reading, Settings, Stages
from harness.simulation.nearest import Nearest
from harness.simulation.synthetic import SPACE, SyntheticCurves
from harness.simulation.table import CurveTable

TABLE = Path(__file__).resolve().parent / "tables" / "curves-smollm2.jsonl"
OBJECTIVES = ("pass_rate", "branch_coverage", "mutation_score")
_TABLE, _MANY = 64, 512
LOSS_ALONE = Rungs((Rung(1 / 9, 0.0), Rung(1 / 3, 0.0)))
"""What a sweep file is advised to have: two looks at the validation loss."""
LOSS_AND_THIRD = Rungs((Rung(1 / 9, 0.0), Rung(1 / 3, 1.0)))
THIRD = Rungs((Rung(1 / 3, 1.0),))
THIRDS = Rungs((Rung(1 / 9, 1.0), Rung(1 / 3, 1.0)))


@dataclass(frozen=True, slots=True)
class Measured:
    """What a segment comes to.

    Attributes:
        score: At the rung; None when training diverged.
        compute: Of the segment, in whole trainings; up to the rung where it diverged.
    """

    score: RungScore | None
    compute: float


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to search.

    Attributes:
        name: For the report.
        curves: The truth.
        space: Axis -> ``low``, ``high``, ``log``, ``type``, or ``choices``.
        rungs: Where a trial can be looked at.
        best: Hypervolume of the front of everything at full training.
        known: How many configurations that front was chosen from.
        front: Its points.
    """

    name: str
    curves: Curves
    space: Mapping[str, Mapping[str, Any]]
    rungs: Rungs
    best: float
    known: int
    front: tuple[tuple[float, ...], ...]

    @property
    def directions(self) -> tuple[Direction, ...]:
        """All objectives are maximised."""
        return ("maximize",) * len(OBJECTIVES)

    def distributions(self) -> dict[str, BaseDistribution]:
        """The space in Optuna's words."""
        return {name: distribution(axis) for name, axis in self.space.items()}

    def segment(self, number: int, settings: Settings, before: int | None, rung: int) -> Measured:
        """Train a trial from one rung (None: from the start) to another."""
        done = 0.0 if before is None else self.rungs[before].training
        for between in range(0 if before is None else before + 1, rung + 1):
            share = self.rungs[between]
            reading = self.curves.read(settings, share)
            if reading.diverged is not None:
                return Measured(None, share.training - done)
        if share.by_loss:
            return Measured(RungScore(number, rung, (), (), reading.eval_loss), share.training - done)
        rows = tuple(zip(*(reading.columns[name] for name in OBJECTIVES), strict=True))
        values = tuple(reading.metrics[name] for name in OBJECTIVES)
        return Measured(RungScore(number, rung, values, rows, reading.eval_loss), share.training - done)

    def volume(self, points: Sequence[tuple[float, ...]]) -> float:
        """Hypervolume over the origin: all objectives are shares, and 0 is the worst."""
        return hypervolume(points, self.directions, (0.0,) * len(OBJECTIVES))


def distribution(axis: Mapping[str, Any]) -> BaseDistribution:
    """One axis in Optuna's words."""
    if "choices" in axis:
        return CategoricalDistribution(axis["choices"])
    kind = IntDistribution if axis["type"] == "int" else FloatDistribution
    return kind(axis["low"], axis["high"], log=axis["log"])


def recorded(path: Path) -> Problem:
    """The recorded table.

    Raises:
        HarnessError: if there is none.
    """
    table = CurveTable.read_file(path)
    settings = list(table.configurations)
    return _problem(path.stem, table, table.space, (table.rungs, settings))


class Sampled:
    """Made-up curves as a table would hold them: some settings are known, the nearest of them stands for all others.

    Args:
        curves: The truth.
        configurations: What is known of it.
    """

    def __init__(self, curves: Curves, configurations: Sequence[Settings]) -> None:
        self._curves, self._known = curves, configurations
        self._nearest = Nearest(SPACE, configurations)
        self._read: dict[tuple[int, Rung], Reading] = {}
        self.total_steps, self.functions, self.figures = curves.total_steps, curves.functions, curves.figures

    def read(self, settings: Settings, share: Rung) -> Reading:
        """Of the nearest known settings."""
        key = self._nearest(settings), share
        if key not in self._read:
            self._read[key] = self._curves.read(self._known[key[0]], share)
        return self._read[key]

    def stages(self, settings: Settings, done: float, share: Rung) -> Stages:
        """Of the nearest known settings."""
        return self._curves.stages(self._known[self._nearest(settings)], done, share)


def made_up(seed: int, *, exact: bool = False) -> Problem:
    """A member of the synthetic family.

    Args:
        seed: Which one.
        exact: Every setting has a curve of its own, and the best is that of many settings that fill the space; otherwise it is
            known at a table's worth of settings, and the nearest of them stands for all others.
    """
    points = qmc.Sobol(len(SPACE), scramble=True, seed=seed).random(_MANY if exact else _TABLE)
    settings = [{name: at(axis, share) for (name, axis), share in zip(SPACE.items(), p, strict=True)} for p in points]
    curves = SyntheticCurves(seed)
    known = _problem(f"synthetic-{seed}", curves if exact else Sampled(curves, settings), SPACE, (THIRDS, settings))
    return replace(known, known=_TABLE)


def at(axis: Mapping[str, Any], share: float) -> Any:
    """The value at a share (0-1) of an axis."""
    if "choices" in axis:
        return axis["choices"][min(int(share * len(axis["choices"])), len(axis["choices"]) - 1)]
    low, high = axis["low"], axis["high"]
    value = low * (high / low) ** share if axis["log"] else low + share * (high - low)
    return round(value) if axis["type"] == "int" else float(value)


def _problem(
    name: str, curves: Curves, space: Mapping[str, Mapping[str, Any]], known: tuple[Rungs, Sequence[Settings]]
) -> Problem:
    rungs, configurations = known
    empty = Problem(name, curves, space, rungs, 0.0, len(configurations), ())
    found = [empty.segment(0, settings, None, rungs.last).score for settings in configurations]
    points = sorted({score.values for score in found if score is not None})
    front = tuple(p for p in points if not any(q != p and all(b >= a for a, b in zip(p, q, strict=True)) for q in points))
    return Problem(name, curves, space, rungs, empty.volume(front), len(configurations), front)
