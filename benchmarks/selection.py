"""Whether what is promoted is as good as it is said to be, and better than what it takes the place of.

Usage: python benchmarks/selection.py [--table benchmarks/tables/curves-smollm2.jsonl] [--repetitions 1000]
       [--validation 60] [--selection 30] [--test 60] [--json]

Scores of real adapters on real functions (`curves.py`, or with more functions `selection_adapters.py`) are taken for the whole
truth: an adapter is worth its mean
over all of them. In each repetition the functions of the three splits are drawn anew, one adapter is the champion, the others
are the trials of a sweep, and the rules of `harness promote` choose, compare and decide (`harness.core.selection`,
`harness.core.gain`, `evaluation.lower_bound`). Scores on the scale of the rule, 0-1.

* ``bias``: mean of reported minus true score over all that were promoted; ``bias_measured``: the same of the test score as it
  was measured, before `harness.core.flattery` is taken off; ``bias_tested``: over all that were tested, promoted or not.
* ``naive_bias``: the same for the best by validation, reported with that score.
* ``false_promotion_rate``: of the tests in which the chosen one is truly no better than the champion, those that promoted it.
* ``false_share``: promotions of what is truly no better, of all promotions.
* ``power``: of the tests in which it is truly better, those that promoted it; ``power_5`` where it is by 0.05 or more.
* ``regret``: how much worse than the truly best trial the chosen one is, in the mean; ``naive_regret`` of the best by validation.

``as_recorded`` takes the adapters as they are, ``equals`` moves all to the same mean, function by function: whatever is
chosen then is no better than anything else, and every promotion is false.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

HERE = Path(__file__).resolve().parent
sys.path[:] = [str(HERE.parent), *(place for place in sys.path if Path(place or ".").resolve() != HERE), str(HERE)]

from evaluation import lower_bound  # noqa: E402
from harness.core.flattery import flattery  # noqa: E402
from harness.core.gain import Gain, Measure, decide, differences, scale_of  # noqa: E402
from harness.core.pareto import Objective  # noqa: E402
from harness.core.selection import Contender, Knee, rank  # noqa: E402

OBJECTIVES = tuple(Objective(name, "maximize") for name in ("pass_rate", "branch_coverage", "mutation_score"))
NAMES = tuple(objective.name for objective in OBJECTIVES)
CANDIDATES = 3
CONFIDENCE = 0.95
Scores = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sizes:
    """Functions of each split."""

    validation: int
    selection: int
    test: int


@dataclass(frozen=True, slots=True)
class Seen:
    """What one repetition came to, on the scale of the rule."""

    reported: float
    tested: float
    true: float
    champion: float
    promoted: bool
    naive_reported: float
    naive_true: float
    best: float


def read(path: Path) -> Scores:
    """The table as an array of shape ``(n_adapters, n_functions, n_objectives)``; NaN where a metric is not defined.

    Of a table of learning curves (`curves.py`) the adapters that were trained whole.
    """
    header, *lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    if header["format"].startswith("harness-curves"):
        last = len(header["rung_steps"]) - 1
        figures = [line["functions"] for line in lines if line["rung"] == last and not line["diverged"]]
    else:
        figures = [line["figures"] for line in lines]
    columns = [[[np.nan if v is None else v for v in one[name]] for name in NAMES] for one in figures]
    return np.asarray(columns, dtype=np.float64).transpose(0, 2, 1)


def equals(scores: Scores) -> Scores:
    """The same with every adapter moved to the mean of all, metric by metric."""
    own, of_all = np.nanmean(scores, axis=1, keepdims=True), np.nanmean(scores, axis=(0, 1), keepdims=True)
    return scores - own + of_all


def measure(scores: Scores, drawn: NDArray[np.int64]) -> Measure:
    """One adapter, shape ``(n_functions, n_objectives)``, on the drawn functions."""
    rows = scores[drawn]
    figures = {
        f"{at}": {name: None if np.isnan(value) else float(value) for name, value in zip(NAMES, row, strict=True)}
        for at, row in enumerate(rows)
    }
    return Measure(dict(zip(NAMES, map(float, np.nanmean(rows, axis=0)), strict=True)), figures)


def worth(measured: Measure) -> float:
    """On the scale of the rule."""
    return fmean(measured.metrics[name] for name in NAMES)


def first(contenders: dict[int, Measure]) -> list[int]:
    """Numbers in the order of the rule."""
    return list(rank([Contender(number, one.metrics) for number, one in contenders.items()], OBJECTIVES, Knee()).order)


def repetition(scores: Scores, sizes: Sizes, rng: np.random.Generator) -> Seen:
    """Draw the splits and a champion, then promote as `harness promote` does."""
    functions = scores.shape[1]
    splits = [rng.integers(functions, size=size) for size in (sizes.validation, sizes.selection, sizes.test)]
    champion, *trials = map(int, rng.permutation(len(scores)))
    seen = {number: measure(scores[number], splits[0]) for number in trials}
    again = {number: measure(scores[number], splits[1]) for number in first(seen)[:CANDIDATES]}
    chosen = first(again)[0]
    ours, theirs = measure(scores[chosen], splits[2]), measure(scores[champion], splits[2])
    scale = scale_of(Knee(), OBJECTIVES, NAMES)
    found = differences(ours, theirs, scale)
    gain = Gain.of(found, lower_bound(found, CONFIDENCE, 0, 2_000))
    decision = decide(gain, CONFIDENCE)
    flattered = flattery(ours, theirs, scale, CONFIDENCE) if decision.promote else {}
    true = [worth(measure(one, np.arange(functions))) for one in scores]
    naive = max(seen, key=lambda number: worth(seen[number]))
    best = max(true[number] for number in trials)
    return Seen(
        worth(ours) - fmean(flattered.get(name, 0.0) for name in NAMES),
        worth(ours),
        true[chosen],
        true[champion],
        decision.promote,
        worth(seen[naive]),
        true[naive],
        best,
    )


def summary(found: Sequence[Seen]) -> dict[str, float | int | None]:
    """The figures."""
    promoted = [one for one in found if one.promoted]
    better = [one for one in found if one.true > one.champion + 1e-9]
    clearly = [one for one in found if one.true >= one.champion + 0.05]
    no_better = [one for one in found if one.true <= one.champion + 1e-9]

    def mean(values: list[float]) -> float | None:
        return round(fmean(values), 4) if values else None

    return {
        "bias": mean([one.reported - one.true for one in promoted]),
        "bias_measured": mean([one.tested - one.true for one in promoted]),
        "bias_tested": mean([one.tested - one.true for one in found]),
        "naive_bias": mean([one.naive_reported - one.naive_true for one in found]),
        "false_promotion_rate": mean([float(one.promoted) for one in no_better]),
        "false_share": mean([float(one.true <= one.champion + 1e-9) for one in promoted]),
        "power": mean([float(one.promoted) for one in better]),
        "power_5": mean([float(one.promoted) for one in clearly]),
        "promoted": len(promoted),
        "no_better": len(no_better),
        "regret": mean([one.best - one.true for one in found]),
        "naive_regret": mean([one.best - one.naive_true for one in found]),
    }


def main() -> None:
    """Resample and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", type=Path, default=HERE / "tables" / "curves-smollm2.jsonl")
    parser.add_argument("--repetitions", type=int, default=1000)
    parser.add_argument("--validation", type=int, default=60)
    parser.add_argument("--selection", type=int, default=30)
    parser.add_argument("--test", type=int, default=60)
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    args = parser.parse_args()
    sizes, scores = Sizes(args.validation, args.selection, args.test), read(args.table)
    told: dict[str, object] = {"adapters": len(scores), "functions": scores.shape[1], "repetitions": args.repetitions}
    told |= {"splits": [sizes.validation, sizes.selection, sizes.test], "confidence": CONFIDENCE}
    for name, pool in (("as_recorded", scores), ("equals", equals(scores))):
        rng = np.random.default_rng(0)
        told[name] = summary([repetition(pool, sizes, rng) for _ in range(args.repetitions)])
    print(json.dumps(told) if args.json else json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
