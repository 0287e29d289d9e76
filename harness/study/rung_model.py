"""What a trial teaches a sampler: one vector of values per trial, comparable between rungs.

Owns the translation of a rung's scores to what the full rung would say. How a sampler is told is `harness.study.derived`'s.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from harness.core.pareto import Direction
from harness.study.history import Past, PastState

Learning = Literal["model", "cuts", "ignore"]
RUNG = "rung"
_RULED_OUT = {"ruled_out": 1.0}
_PRIOR_PAIRS = 4.0
"""The line between two rungs starts with slope 1, which counts as much as so many trials seen at both."""
_SLOPES = (0.2, 3.0)
_LEAST_HEIGHT = 0.25
"""How much objectives spread at least, as a share of their mean: the first few scored trials may be alike by chance."""

_Row = np.ndarray[tuple[int], np.dtype[np.float64]]
_Line = tuple[_Row, _Row, _Row]


@dataclass(frozen=True, slots=True)
class Lesson:
    """What one trial says about its settings.

    Attributes:
        params: The settings.
        values: In the objectives' units and directions, as of the highest rung that any trial has reached; None where nothing
            was measured, or is to be known.
        constraints: Key -> value; positive is violated.
        running: Under way: nothing to learn but where not to look again.
    """

    params: Mapping[str, Any]
    values: tuple[float, ...] | None
    constraints: Mapping[str, float] = field(default_factory=dict)
    running: bool = False

    @property
    def feasible(self) -> bool:
        """Whether every constraint is kept."""
        return all(value <= 0 for value in self.constraints.values())


def lessons(history: Sequence[Past], directions: Sequence[Direction], rungs: Learning = "model") -> list[Lesson]:
    """One lesson for each trial that has one, in the order of the trials.

    Args:
        history: Every trial there is.
        directions: Of the objectives.
        rungs: ``model``: every trial with a score teaches, wherever it stands; being cut is no constraint then, for its values
            say how bad it is. ``cuts``: finished trials teach values, cut ones that they were cut, as Optuna reads a study.
            ``ignore``: finished trials teach values, cut ones nothing.
    """
    expected = expected_values(history, directions) if rungs == "model" else {}
    found = (_lesson(past, expected.get(past.number), rungs) for past in history)
    return [lesson for lesson in found if lesson is not None]


def _lesson(past: Past, expected: tuple[float, ...] | None, rungs: Learning) -> Lesson | None:
    constraints = {key: value for key, value in past.constraints.items() if rungs == "cuts" or key != RUNG}
    match past.state:
        case PastState.FAILED:
            return None
        case PastState.INFEASIBLE:
            return Lesson(past.params, None, constraints if past.violation > 0 else {**constraints, **_RULED_OUT})
        case PastState.CUT if rungs == "cuts":
            return Lesson(past.params, None, {**constraints, RUNG: max(constraints.get(RUNG, 0.0), 0.0) or 1.0})
        case PastState.COMPLETE if rungs != "model" and past.rungs:
            return Lesson(past.params, past.rungs[-1], constraints)
    if expected is not None:
        return Lesson(past.params, expected, constraints)
    return None if past.state in (PastState.COMPLETE, PastState.CUT) else Lesson(past.params, None, constraints, running=True)


def expected_values(history: Sequence[Past], directions: Sequence[Direction]) -> dict[int, tuple[float, ...]]:
    """What every judged trial would be worth at the highest rung that any of them has reached, by trial number.

    From one rung to the next leads a line per objective, fitted through the trials seen at both. They are the better ones of
    the lower rung, few and noisy: so the slope is drawn towards 1. Trials of which the validation loss alone is known follow
    from those that have scores besides (`_by_loss`).

    Args:
        history: Every trial there is; those without scores or loss and those ruled out are left out.
        directions: Of the objectives.
    """
    seen = [past for past in history if past.reached is not None and past.state is not PastState.INFEASIBLE]
    top = max((past.reached or 0 for past in seen), default=0)
    lines = [_line(seen, rung) for rung in range(top)]
    expected = {past.number: _raised(past, lines) for past in seen}
    unscored = [past for past in history if past.reached is None and past.state is not PastState.INFEASIBLE]
    for rung in sorted({len(past.losses) - 1 for past in unscored if past.losses}):
        known = [(loss, expected[past.number]) for past in seen if (loss := _finite_loss(past, rung)) is not None]
        asked = {p.number: loss for p in unscored if len(p.losses) == rung + 1 and (loss := _finite_loss(p, rung)) is not None}
        if known and asked:
            expected |= _by_loss(known, asked, directions)
    return expected


def _by_loss(
    known: Sequence[tuple[float, tuple[float, ...]]], asked: Mapping[int, float], directions: Sequence[Direction]
) -> dict[int, tuple[float, ...]]:
    """A line per objective from the validation loss at a rung: lower is better, by as much as both spread.

    Args:
        known: Loss and values of those that have both.
        asked: Trial -> loss, for the others.
        directions: Of the objectives.
    """
    losses, values = np.array([loss for loss, _ in known]), np.array([found for _, found in known], dtype=np.float64)
    spread = float(np.std([*losses, *asked.values()])) or 1.0
    middle, centre = float(losses.mean()), values.mean(axis=0)
    heights = np.maximum(values.std(axis=0), _LEAST_HEIGHT * np.abs(centre)) + 1e-12
    prior = np.array([1.0 if direction == "minimize" else -1.0 for direction in directions]) * heights / spread
    weight = _PRIOR_PAIRS * spread**2
    fitted = (((losses - middle)[:, None] * (values - centre)).sum(axis=0) + weight * prior) / (
        float(((losses - middle) ** 2).sum()) + weight
    )
    slope = prior * np.clip(fitted / prior, *_SLOPES)
    return {number: tuple(float(v) for v in centre + slope * (loss - middle)) for number, loss in asked.items()}


def _finite_loss(past: Past, rung: int) -> float | None:
    loss = past.loss(rung)
    return loss if loss is not None and math.isfinite(loss) else None


def _raised(past: Past, lines: Sequence[_Line | None]) -> tuple[float, ...]:
    reached = past.reached or 0
    value = np.asarray(past.rungs[reached], dtype=np.float64)
    for line in lines[reached:]:
        if line is not None:
            below, above, slope = line
            value = above + slope * (value - below)
    return tuple(float(number) for number in value)


def _line(seen: Sequence[Past], rung: int) -> _Line | None:
    """Means at a rung and at the next one of the trials seen at both, and the slope between; None without such a trial."""
    at = [past.rungs[rung] for past in seen if _scored(past, rung)]
    both = [(past.rungs[rung], past.rungs[rung + 1]) for past in seen if _scored(past, rung) and _scored(past, rung + 1)]
    if not both:
        return None
    lower, upper = (np.array(side, dtype=np.float64) for side in zip(*both, strict=True))
    below, above = lower.mean(axis=0), upper.mean(axis=0)
    weight = _PRIOR_PAIRS * np.array(at, dtype=np.float64).var(axis=0) + 1e-12
    slope = (((lower - below) * (upper - above)).sum(axis=0) + weight) / (((lower - below) ** 2).sum(axis=0) + weight)
    return below, above, np.clip(slope, *_SLOPES)


def _scored(past: Past, rung: int) -> bool:
    return len(past.rungs) > rung and past.rungs[rung] is not None
