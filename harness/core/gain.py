"""Whether one adapter is better than another on the same functions, by enough to move an alias. Pure.

Owns what a rule counts as gain and the decision. The interval comes from outside (`evaluation.paired_difference`), the exact
p-value from `harness.core.paired`.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field

from harness.core.paired import sign_flip_p
from harness.core.pareto import Objective
from harness.core.selection import Knee, Lexicographic, Rule, Weights

Figures = Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Measure:
    """What was measured on the functions of a split.

    Attributes:
        metrics: Metric -> mean over the split, or a figure of the whole (a latency, a loss).
        functions: Function id -> metric -> figure of that function; None where it is not defined for it.
    """

    metrics: Mapping[str, float]
    functions: Mapping[str, Figures] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Gain:
    """How much better a candidate is, on the scale of `scale_of`.

    Attributes:
        mean: Mean difference over the functions, candidate minus champion.
        bound: It is at least this much, with the confidence asked for: the lower end of the paired bootstrap.
        p_value: Exact one-sided sign-flip test, in (0, 1].
        wins: Functions on which the candidate is better.
        losses: Functions on which it is worse.
        ties: The others.
    """

    mean: float
    bound: float
    p_value: float
    wins: int
    losses: int
    ties: int

    @property
    def functions(self) -> int:
        """How many were compared."""
        return self.wins + self.losses + self.ties

    @classmethod
    def of(cls, differences: Sequence[float], bound: float) -> Gain:
        """The gain behind per-function differences.

        Args:
            differences: From `differences`, at least one.
            bound: Lower end of the bootstrap of their mean.
        """
        wins, losses = sum(d > 0 for d in differences), sum(d < 0 for d in differences)
        mean = sum(differences) / len(differences)
        return cls(mean, min(bound, mean), sign_flip_p(differences), wins, losses, len(differences) - wins - losses)


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether the alias moves, and why."""

    promote: bool
    reason: str


def by_function(ours: Measure, theirs: Measure) -> frozenset[str]:
    """Metrics of which both have figures of single functions: those on which a difference can be told from chance."""
    return _named(ours) & _named(theirs)


def scale_of(rule: Rule, objectives: Sequence[Objective], known: Container[str]) -> dict[str, float]:
    """Metric -> weight, positive for what should be large: the one scale on which two adapters are compared.

    The knee weighs all objectives alike; a lexicographic rule is about its first metric. What has no figures of single
    functions (a latency, a loss, bytes) stays out: one figure on either side says nothing of how much of it is chance.

    Args:
        rule: That chose.
        objectives: Of the study.
        known: Metrics that can be compared, see `by_function`.

    Returns:
        Empty where nothing that the rule weighs can be compared.
    """
    match rule:
        case Weights(weights):
            return {name: weight for name, weight in weights.items() if name in known}
        case Lexicographic(steps):
            signs = {step.metric: 1.0 if step.direction == "maximize" else -1.0 for step in steps if step.metric in known}
            return dict(list(signs.items())[:1])
        case Knee():
            kept = [one for one in objectives if one.name in known]
            return {one.name: (1 if one.direction == "maximize" else -1) / len(kept) for one in kept}


def differences(ours: Measure, theirs: Measure, scale: Mapping[str, float]) -> list[float]:
    """Per function that both were measured on, in the order of its id: the weighted sum of ours minus theirs.

    A metric that is not defined for a function on both sides says nothing about it and counts as equal.
    """
    return [
        sum(
            weight * _difference(ours.functions[key].get(name), theirs.functions[key].get(name)) for name, weight in scale.items()
        )
        for key in sorted(ours.functions.keys() & theirs.functions.keys())
        if scale
    ]


def decide(gain: Gain | None, confidence: float) -> Decision:
    """Promote only what is better by both tests: the bootstrap's bound above 0, and the exact p-value small enough.

    The bootstrap alone claims too much where few functions differ; the sign-flip test holds its error rate there.

    Args:
        gain: None where nothing that the rule weighs was measured function by function on both sides.
        confidence: One-sided; 1 - `confidence` is the rate at which what is no better is promoted, at most.
    """
    if gain is None:
        return Decision(
            False, "nothing that the rule weighs was measured function by function for both, so nothing shows that it is better"
        )
    sure = f"{confidence:.0%} confidence"
    if gain.mean <= 0:
        return Decision(False, f"it is not better: {gain.mean:+.3f} on {gain.functions} functions")
    if gain.bound <= 0 or gain.p_value > 1 - confidence + 1e-12:
        return Decision(False, f"{gain.mean:+.3f} on {gain.functions} functions may be chance: not shown with {sure}")
    return Decision(True, f"{gain.mean:+.3f} on {gain.functions} functions, at least {gain.bound:+.3f} with {sure}")


def _named(measure: Measure) -> frozenset[str]:
    return frozenset(name for figures in measure.functions.values() for name in figures)


def _difference(ours: float | None, theirs: float | None) -> float:
    return 0.0 if ours is None or theirs is None else ours - theirs
