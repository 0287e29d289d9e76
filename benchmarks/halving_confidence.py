"""What a rung cuts at several confidences, beside plain MO-ASHA, on made-up trials whose true worth is known.

``python benchmarks/halving_confidence.py --json`` prints one line: for every confidence the share of all trials that is cut, and
the share of the truly best third that is cut. A trial passes a function with a chance of its own worth times the function's ease;
its scores are those binary results, so that the order at the rung is as noisy as that of a real one.
"""

from __future__ import annotations

import argparse
import json
import random

from harness.core.halving import Halving, Standing, standing
from harness.core.rungs import RungScore

CONFIDENCES = (0.8, 0.9, 0.95, 0.99)
DIRECTIONS = ("maximize", "maximize")
REPEATS = 40


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=27)
    parser.add_argument("--functions", type=int, default=12)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    found = {"plain_mo_asha": measured(asked.trials, asked.functions, None)}
    found |= {str(confidence): measured(asked.trials, asked.functions, confidence) for confidence in CONFIDENCES}
    if asked.json:
        print(json.dumps({"trials": asked.trials, "functions": asked.functions, "repeats": REPEATS, "rules": found}))
        return
    for rule, figures in found.items():
        print(f"{rule:>14}: cut {figures['cut']:.2f} of all, {figures['best_third_cut']:.2f} of the truly best third")


def measured(trials: int, functions: int, confidence: float | None) -> dict[str, float]:
    """Shares over all repeats; without a confidence everything outside the quota is cut, as MO-ASHA does."""
    chance = random.Random(1)
    cut = best = best_cut = 0
    for _ in range(REPEATS):
        worth = [(first, (first + chance.random()) / 2) for first in (chance.random() for _ in range(trials))]
        ease = [0.2 + 0.8 * chance.random() for _ in range(functions)]
        seen = standing([_scored(i, w, ease, chance) for i, w in enumerate(worth)], DIRECTIONS, Halving(3, confidence or 0.95))
        truly = frozenset(standing([RungScore(i, 0, w) for i, w in enumerate(worth)], DIRECTIONS, Halving()).promotable)
        gone = _outside(seen) if confidence is None else seen.clearly_worse
        cut, best, best_cut = cut + len(gone), best + len(truly), best_cut + len(truly & gone)
    return {"cut": cut / (trials * REPEATS), "best_third_cut": best_cut / best}


def _outside(seen: Standing) -> frozenset[int]:
    return frozenset(seen.ranked[seen.quota :])


def _scored(trial: int, worth: tuple[float, float], ease: list[float], chance: random.Random) -> RungScore:
    rows = tuple(tuple(float(chance.random() < w * e) for w in worth) for e in ease)
    return RungScore(trial, 0, tuple(sum(column) / len(ease) for column in zip(*rows, strict=True)), rows)


if __name__ == "__main__":
    main()
