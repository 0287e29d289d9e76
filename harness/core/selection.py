"""Which of several measured trials to prefer, by a rule that was written down before. Pure.

Owns the rules and the order they put trials in. How trials were measured, and whether the preferred one is really better than
another, is not decided here: the first of many near-equal trials owes a part of its figures to luck.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from harness.core.fronts import front_ranks
from harness.core.limits import Limit
from harness.core.pareto import Direction, Objective, knee_order, oriented


@dataclass(frozen=True, slots=True)
class Contender:
    """A trial as a rule sees it.

    Attributes:
        number: Of the trial.
        metrics: Everything measured, by name; the objectives are among it.
    """

    number: int
    metrics: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Knee:
    """The balanced one: front by front, the point that bulges farthest first (`pareto.knee`)."""


@dataclass(frozen=True, slots=True)
class Weights:
    """The highest weighted sum.

    Attributes:
        weights: Metric -> weight per unit of the metric; negative for what should be small.
    """

    weights: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a lexicographic rule.

    Attributes:
        metric: Name.
        direction: ``maximize`` or ``minimize``.
        tolerance: Who is within this much of the best, in the metric's unit, counts as equal to it.
    """

    metric: str
    direction: Direction = "maximize"
    tolerance: float = 0.0


@dataclass(frozen=True, slots=True)
class Lexicographic:
    """The best by the first metric; who is within its tolerance is compared by the next one.

    Attributes:
        steps: Most important first.
    """

    steps: tuple[Step, ...]


Rule = Knee | Weights | Lexicographic


@dataclass(frozen=True, slots=True)
class Ranking:
    """What a rule makes of trials.

    Attributes:
        order: Numbers of those that may be chosen, the preferred one first.
        excluded: Number -> the limits that it does not keep, as written.
    """

    order: tuple[int, ...]
    excluded: Mapping[int, tuple[str, ...]] = field(default_factory=dict)


def rank(contenders: Sequence[Contender], objectives: Sequence[Objective], rule: Rule, limits: Sequence[Limit] = ()) -> Ranking:
    """Put trials in the order in which a rule prefers them; ties go to the lower number.

    Args:
        contenders: Trials in which everything that the rule names was measured.
        objectives: Of the study, for `Knee`.
        rule: See `Rule`.
        limits: Who breaks one, or was not measured for it, cannot be chosen.

    Raises:
        KeyError: if a trial lacks a metric that the rule needs.
    """
    broken = {one.number: tuple(limit.text for limit in limits if not limit.kept(one.metrics)) for one in contenders}
    left = sorted((one for one in contenders if not broken[one.number]), key=lambda one: one.number)
    excluded = {number: texts for number, texts in broken.items() if texts}
    if not left:
        return Ranking((), excluded)
    match rule:
        case Weights(weights):
            order = sorted(left, key=lambda one: -weighted(one.metrics, weights))
        case Lexicographic(steps):
            order = _lexicographic(left, steps)
        case Knee():
            order = _by_knee(left, objectives)
    return Ranking(tuple(one.number for one in order), excluded)


def weighted(metrics: Mapping[str, float], weights: Mapping[str, float]) -> float:
    """The weighted sum of some metrics.

    Raises:
        KeyError: if one is missing.
    """
    return sum(weight * metrics[name] for name, weight in weights.items())


def _lexicographic(contenders: Sequence[Contender], steps: Sequence[Step]) -> list[Contender]:
    waiting, order = list(contenders), []
    while waiting:
        level = waiting
        for step in steps:
            sign = 1.0 if step.direction == "maximize" else -1.0
            best = max(sign * one.metrics[step.metric] for one in level)
            level = [one for one in level if sign * one.metrics[step.metric] >= best - step.tolerance]
        order.append(level[0])
        waiting.remove(level[0])
    return order


def _by_knee(contenders: Sequence[Contender], objectives: Sequence[Objective]) -> list[Contender]:
    directions = [objective.direction for objective in objectives]
    values = [tuple(one.metrics[objective.name] for objective in objectives) for one in contenders]
    ranks = front_ranks(oriented(values, directions))
    order: list[Contender] = []
    for level in range(max(ranks) + 1):
        members = [i for i, found in enumerate(ranks) if found == level]
        order += [contenders[members[i]] for i in knee_order([values[i] for i in members], directions)]
    return order


def words(rule: Rule) -> str:
    """A rule for a person."""
    match rule:
        case Knee():
            return "knee of the front"
        case Weights(weights):
            return "highest " + " ".join(f"{weight:+g} {name}" for name, weight in weights.items()).removeprefix("+")
        case Lexicographic(steps):
            named = (f"{'highest' if s.direction == 'maximize' else 'lowest'} {s.metric} (within {s.tolerance:g})" for s in steps)
            return ", then ".join(named).replace(" (within 0)", "")
