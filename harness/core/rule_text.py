"""Rules of choice as they are typed: ``pass_rate=1,mutation_score=2`` and ``mutation_score:0.02,latency_p95_s:0.5``. Pure."""

from __future__ import annotations

from harness.core.limits import SHORT_NAMES
from harness.core.metrics import OBJECTIVE_METRICS
from harness.core.pareto import Direction
from harness.core.selection import Lexicographic, Step, Weights

_SMALL = ("_loss", "_s", "_bytes", "_suites", "_share", "_parameters")


def parse_weights(text: str) -> Weights:
    """``METRIC=WEIGHT,...``; a negative weight for what should be small.

    Raises:
        ValueError: if it has another form, or names no metric.
    """
    weights = {}
    for part in text.split(","):
        name, equals, weight = part.partition("=")
        if not equals:
            raise ValueError(f"{part!r} is no weight; write METRIC=WEIGHT,METRIC=WEIGHT")
        weights[_metric(name)] = _number(weight)
    return Weights(weights)


def parse_lexicographic(text: str) -> Lexicographic:
    """``METRIC:TOLERANCE,...``, most important first; losses, seconds, bytes and shares of copies should be small.

    Raises:
        ValueError: if it has another form, or names no metric.
    """
    steps = []
    for part in text.split(","):
        name, _, tolerance = part.partition(":")
        metric = _metric(name)
        steps.append(Step(metric, direction_of(metric), _number(tolerance or "0")))
    return Lexicographic(tuple(steps))


def direction_of(metric: str) -> Direction:
    """What is better of a metric, where nothing else says so."""
    return "minimize" if metric.endswith(_SMALL) and not metric.endswith(("_per_s", "kill_share")) else "maximize"


def _metric(name: str) -> str:
    known = SHORT_NAMES.get(name.strip(), name.strip())
    if known not in OBJECTIVE_METRICS:
        allowed = ", ".join((*SHORT_NAMES, *OBJECTIVE_METRICS))
        raise ValueError(f"no such metric: {name.strip() or 'an empty name'}; allowed: {allowed}")
    return known


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise ValueError(f"{text.strip()!r} is no number") from error
