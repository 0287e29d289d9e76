"""Means over all functions with their intervals. Pure and seeded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.records import Figures, SuiteScore, Verdict

RESAMPLES = 10_000
LEVEL = 0.95
CHUNK = 1 << 18  # resampled values held at once: 4 MiB, and faster than larger blocks, which leave the cache
FIGURES = tuple(Figures.__slots__)
METRICS: Mapping[str, Callable[[SuiteScore], float | None]] = {
    **{name: attrgetter(f"figures.{name}") for name in FIGURES},
    **{f"{name}_without_copied": attrgetter(f"without_copied.{name}") for name in FIGURES},
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
        functions: All usable ones, those without a suite included.
        functions_broken: Functions that could not be used; in none of the figures.
        means: Metric -> mean over all functions it is defined for; a metric defined for none is absent.
        at_valid: Metric -> mean over the functions whose suite is valid; empty when none is.
        of_ceiling: Metric -> mean as a share of what the oracle suites reach on the same functions.
        shares: Counts over counts, over all suites: ``assertion_kill_share``, ``copied_assert_share``.
        verdicts: Verdict -> number of suites.
    """

    functions: int
    functions_broken: int
    means: Mapping[str, Mean]
    at_valid: Mapping[str, float]
    of_ceiling: Mapping[str, float]
    shares: Mapping[str, float]
    verdicts: Mapping[str, int]

    def to_metrics(self) -> dict[str, float]:
        """Flat scalars: ``pass_rate``, ``pass_rate_low``, ``pass_rate_at_valid``, ``suites_valid``, ..."""
        flat = {"functions": float(self.functions), "functions_broken": float(self.functions_broken), **self.shares}
        for name, mean in self.means.items():
            flat |= {name: mean.mean, f"{name}_low": mean.low, f"{name}_high": mean.high, f"{name}_n": float(mean.n)}
        flat |= {f"{name}_at_valid": value for name, value in self.at_valid.items()}
        flat |= {f"{name}_of_ceiling": value for name, value in self.of_ceiling.items()}
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
    usable = [score for score in scores if score.verdict is not Verdict.FUNCTION_BROKEN]
    means = {name: mean_of(values, seed) for name in METRICS if (values := _values(name, usable))}
    valid = [score for score in usable if score.valid]
    at_valid = {name: sum(values) / len(values) for name in FIGURES if (values := _values(name, valid))}
    verdicts = Counter(score.verdict.value for score in scores)
    return Aggregate(
        functions=len(usable),
        functions_broken=len(scores) - len(usable),
        means=means,
        at_valid=at_valid,
        of_ceiling=_of_ceiling(usable),
        shares=_shares(usable),
        verdicts=dict(sorted(verdicts.items())),
    )


def _values(name: str, scores: Sequence[SuiteScore]) -> list[float]:
    read = METRICS[name]
    return [value for score in scores if (value := read(score)) is not None]


def _of_ceiling(scores: Sequence[SuiteScore]) -> dict[str, float]:
    """Sum of the scores over sum of the oracles' scores, both over the functions that have both."""
    shares = {}
    for name in FIGURES:
        pairs = [(getattr(s.figures, name), getattr(s.ceiling, name)) for s in scores if s.ceiling is not None]
        both = [(own, top) for own, top in pairs if own is not None and top is not None]
        if top := sum(top for _, top in both):
            shares[name] = sum(own for own, _ in both) / top
    return shares


def _shares(scores: Sequence[SuiteScore]) -> dict[str, float]:
    counts = {
        "assertion_kill_share": (sum(s.killed_by_assertion for s in scores), sum(s.killed for s in scores)),
        "copied_assert_share": (sum(s.copied_asserts for s in scores), sum(s.asserts for s in scores)),
    }
    return {name: part / whole for name, (part, whole) in counts.items() if whole}


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
    mean = float(data.mean())
    low, high = bootstrap_interval(data, np.random.default_rng(seed), RESAMPLES)
    return Mean(mean, min(low, mean), max(high, mean), len(data))


def bootstrap_interval(
    data: NDArray[np.float64], rng: np.random.Generator, resamples: int, level: float = LEVEL
) -> tuple[float, float]:
    """Ends of the percentile-bootstrap interval of the mean; memory is bounded by blocks of about `CHUNK` values.

    Source: as `mean_of`.

    Args:
        data: Shape ``(n,)``, at least one value.
        rng: Where the resamples come from.
        resamples: How many.
        level: Share of the resampled means between the ends, half of the rest on either side.
    """
    sizes = block_sizes(len(data), resamples)
    means = np.concatenate([data[rng.integers(len(data), size=(size, len(data)))].mean(axis=1) for size in sizes])
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def block_sizes(width: int, resamples: int) -> list[int]:
    """Resamples per block, so that a block of rows of `width` values holds about `CHUNK` of them."""
    rows = max(1, CHUNK // max(1, width))
    return [min(rows, resamples - start) for start in range(0, resamples, rows)]
