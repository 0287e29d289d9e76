"""The `promotion` section of a sweep file: the rule that chooses, who may be chosen, and when the alias moves."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from harness.config.fields import Count, Strict
from harness.core import selection
from harness.core.limits import Limit
from harness.core.metrics import OBJECTIVE_METRICS


def _limit(text: str) -> str:
    Limit.parse(text)
    return text


def _metric(name: str) -> str:
    if name not in OBJECTIVE_METRICS:
        raise ValueError(f"no such metric: {name}; allowed: {', '.join(OBJECTIVE_METRICS)}")
    return name


LimitText = Annotated[str, AfterValidator(_limit)]
MetricName = Annotated[str, AfterValidator(_metric)]
Weight = Annotated[float, Field(strict=False, allow_inf_nan=False)]
Limits = Annotated[tuple[LimitText, ...], Field(strict=False)]


class Weights(Strict):
    """The highest weighted sum of metrics."""

    weights: dict[MetricName, Weight] = Field(min_length=1, description="weight per unit; negative for what should be small")

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not any(self.weights.values()):
            raise ValueError("all weights are 0")
        return self


class Step(Strict):
    """One step of a lexicographic rule."""

    metric: MetricName
    direction: Literal["maximize", "minimize"] = "maximize"
    tolerance: Annotated[float, Field(ge=0, strict=False, allow_inf_nan=False)] = Field(
        0.0, description="who is within this much of the best counts as equal to it"
    )


class Lexicographic(Strict):
    """The best by the first metric; who is within its tolerance is compared by the next."""

    lexicographic: Annotated[tuple[Step, ...], Field(min_length=1, strict=False)]


def _kind(value: Any) -> str:
    names = value if isinstance(value, dict) else getattr(type(value), "model_fields", ())
    return next((kind for kind in ("weights", "lexicographic") if kind in names), "knee")


Rule = Annotated[
    Annotated[Literal["knee"], Tag("knee")] | Annotated[Weights, Tag("weights")] | Annotated[Lexicographic, Tag("lexicographic")],
    Discriminator(_kind),
]


class Promotion(Strict):
    """How the adapter that is promoted is chosen and what it has to show."""

    rule: Rule = Field(
        "knee", description="knee, {weights: {METRIC: WEIGHT}}, or {lexicographic: [{metric: NAME, tolerance: ...}]}"
    )
    constraints: Limits = Field((), description="who breaks one is not chosen: mutation_score >= 0.5, latency_p95_s < 10, ...")
    candidates: Count = Field(3, description="so many of the best by the rule are measured again, on the selection functions")
    confidence: Annotated[float, Field(ge=0.5, lt=1)] = Field(
        0.95, description="one-sided; the alias moves only when the gain over the champion is that certain"
    )
    criteria: Limits = Field(
        ("pass_rate > 0.80", "mutation_score > 0.50", "latency_p95_s < 10"),
        description="printed as met or missed; they decide nothing",
    )

    def chooser(self) -> selection.Rule:
        """The rule as a value."""
        match self.rule:
            case Weights(weights=weights):
                return selection.Weights(weights)
            case Lexicographic(lexicographic=steps):
                return selection.Lexicographic(tuple(selection.Step(s.metric, s.direction, s.tolerance) for s in steps))
            case _:
                return selection.Knee()

    def limits(self) -> tuple[Limit, ...]:
        """The constraints, read."""
        return tuple(map(Limit.parse, self.constraints))
