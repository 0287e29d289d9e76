"""Which of several measured trials to prefer, by a rule that was written down before. Pure.

Owns the rules and the order they put trials in. How trials were measured, and whether the preferred one is really better than
another, is not decided here: the first of many near-equal trials owes a part of its figures to luck.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
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
        excluded: Number -> the limits that it does not keep, as written, and what the rule needs and was not measured.
    """

    order: tuple[int, ...]
    excluded: Mapping[int, tuple[str, ...]] = field(default_factory=dict)


def rank(contenders: Sequence[Contender], objectives: Sequence[Objective], rule: Rule, limits: Sequence[Limit] = ()) -> Ranking:
    """Put trials in the order in which a rule prefers them; ties go to the lower number.

    Args:
        contenders: Trials as they were measured.
        objectives: Of the study, for `Knee`.
        rule: See `Rule`.
        limits: Who breaks one, or was not measured for it or for the rule, cannot be chosen.
    """
    needed = weighed(rule, objectives)
    excluded = {one.number: texts for one in contenders if (texts := tuple(_against(one, needed, limits)))}
    left = sorted((one for one in contenders if one.number not in excluded), key=lambda one: one.number)
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


def weighed(rule: Rule, objectives: Sequence[Objective]) -> tuple[str, ...]:
    """Every metric that a rule looks at, in its order."""
    match rule:
        case Weights(weights):
            return tuple(weights)
        case Lexicographic(steps):
            return tuple(step.metric for step in steps)
        case Knee():
            return tuple(one.name for one in objectives)


def _against(one: Contender, needed: Sequence[str], limits: Sequence[Limit]) -> Iterator[str]:
    """Why a trial cannot be chosen."""
    yield from (limit.text for limit in limits if not limit.kept(one.metrics))
    yield from (f"{name} (not measured)" for name in needed if math.isnan(one.metrics.get(name, math.nan)))


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
