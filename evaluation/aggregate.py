"""Means over all functions with their intervals. Pure and seeded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from evaluation.records import SuiteScore

RESAMPLES = 4000
LEVEL = 0.95
CHUNK = 1 << 22  # resampled values held at once
METRICS: Mapping[str, Callable[[SuiteScore], float | None]] = {
    "pass_rate": lambda score: score.pass_rate,
    "line_coverage": lambda score: score.line_coverage,
    "branch_coverage": lambda score: score.branch_coverage,
    "mutation_score": lambda score: score.mutation_score,
    "mutation_score_all": lambda score: score.mutation_score_all,
    "mutation_score_lenient": lambda score: score.mutation_score_lenient,
    "valid_rate": lambda score: float(score.valid),
}


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over functions.

    Attributes:
        mean: 0-1.
        low: Lower end of the 95 % interval.
        high: Upper end.
        n: Functions in it.
    """

    mean: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True)
class Aggregate:
    """The figures of one scoring.

    Attributes:
        functions: All of them, those without a suite included.
        means: Metric -> mean over all functions it is defined for; a metric defined for none is absent.
        at_valid: Metric -> mean over the functions whose suite is valid; empty when none is.
        verdicts: Verdict -> number of suites.
    """

    functions: int
    means: Mapping[str, Mean]
    at_valid: Mapping[str, float]
    verdicts: Mapping[str, int]

    def to_metrics(self) -> dict[str, float]:
        """Flat scalars: ``pass_rate``, ``pass_rate_low``, ``pass_rate_high``, ``pass_rate_at_valid``, ``suites_valid``, ..."""
        flat: dict[str, float] = {"functions": float(self.functions)}
        for name, mean in self.means.items():
            flat |= {name: mean.mean, f"{name}_low": mean.low, f"{name}_high": mean.high, f"{name}_n": float(mean.n)}
        flat |= {f"{name}_at_valid": value for name, value in self.at_valid.items()}
        return flat | {f"suites_{verdict}": float(count) for verdict, count in self.verdicts.items()}

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready mapping."""
        return asdict(self)


def aggregate(scores: Sequence[SuiteScore], seed: int = 0) -> Aggregate:
    """Sum up a scoring.

    Args:
        scores: One per function.
        seed: Of the bootstrap; the same seed resamples the same functions for every metric.
    """
    means = {name: mean_of(values, seed) for name in METRICS if (values := _values(name, scores))}
    valid = [score for score in scores if score.valid]
    at_valid = {name: sum(values) / len(values) for name in METRICS if name != "valid_rate" and (values := _values(name, valid))}
    verdicts = Counter(score.verdict.value for score in scores)
    return Aggregate(len(scores), means, at_valid, dict(sorted(verdicts.items())))


def _values(name: str, scores: Sequence[SuiteScore]) -> list[float]:
    read = METRICS[name]
    return [value for score in scores if (value := read(score)) is not None]


def mean_of(values: Sequence[float], seed: int) -> Mean:
    """Mean with its percentile-bootstrap interval over functions.

    Source: B. Efron, R. Tibshirani, An Introduction to the Bootstrap (1993), chapter 13; no normal approximation, because
    a split has at most a few hundred functions (Bowyer et al. 2025, arXiv 2503.01747).

    Args:
        values: At least one, each 0-1.
        seed: Of the resampling.

    Raises:
        ValueError: if there is no value.
    """
    if not values:
        raise ValueError("the mean of no values is absent, not a number")
    data = np.asarray(values, dtype=np.float64)
    rng = np.random.default_rng(seed)
    rows = max(1, CHUNK // len(data))
    sizes = [min(rows, RESAMPLES - start) for start in range(0, RESAMPLES, rows)]
    means = np.concatenate([data[rng.integers(len(data), size=(size, len(data)))].mean(axis=1) for size in sizes])
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    mean = float(data.mean())
    return Mean(mean, min(float(low), mean), max(float(high), mean), len(data))
