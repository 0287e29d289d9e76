"""What the pure rules cost that are asked again and again: milliseconds of processor time, the least of several repetitions.

Usage: python benchmarks/rule_times.py [--repeat 20] [--json]

* ``estimate_ms``: predicting the peak memory of a 7B trial once (aim 1).
* ``standing_500_ms``, ``standing_2000_ms``: a rung of so many trials, 20 functions and 3 objectives (aims 100 and 600).
* ``sign_flip_ms``: comparing two trials on 20 functions (aim 1).
* ``instrument_ms``: mutating-ready code for a function of twenty lines (aim 1).
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Callable

sys.path.pop(0)  # this folder, which has an `evaluation.py` as well

from evaluation.mutation.instrument import compiled
from harness.core.halving import Halving, standing
from harness.core.memory import DeviceProfile, ModelShape, estimate_peak
from harness.core.paired import sign_flip_p
from harness.core.params import TrialParams
from harness.core.rungs import RungScore
from harness.core.workload import Workload, Writing

QWEN_7B = {
    "model_type": "qwen2",
    "hidden_size": 3584,
    "num_hidden_layers": 28,
    "num_attention_heads": 28,
    "num_key_value_heads": 4,
    "intermediate_size": 18944,
    "vocab_size": 152064,
}
TWENTY_LINES = "def f(a):\n    total = 0\n" + "    for i in range(a):\n        total += i * 2\n" * 9 + "    return total\n"


def least_ms(act: Callable[[], object], repeat: int) -> float:
    """Of ``repeat`` calls: what else runs on the machine only ever adds."""
    times = []
    for _ in range(repeat):
        began = time.process_time_ns()
        act()
        times.append(time.process_time_ns() - began)
    return round(min(times) / 1e6, 3)


def rung_of(trials: int) -> list[RungScore]:
    """Trials of different worth, each with noise on every function; (trials,) scores of 20 functions x 3 objectives."""
    chance = random.Random(8)
    scores = []
    for trial in range(trials):
        skill = [chance.random() for _ in range(3)]
        rows = tuple(tuple(min(1.0, max(0.0, chance.gauss(worth, 0.3))) for worth in skill) for _ in range(20))
        scores.append(RungScore(trial, 0, tuple(sum(column) / 20 for column in zip(*rows, strict=True)), rows))
    return scores


def measure(repeat: int) -> dict[str, float]:
    """All figures, in milliseconds."""
    shape, device = ModelShape.from_config(QWEN_7B), DeviceProfile("cuda", 2, 0, 0, 0, 0)
    workload = Workload(TrialParams(), writing=Writing(8, 256, 160))
    chance = random.Random(7)
    differences = [chance.uniform(-1, 1) for _ in range(20)]
    small, large = rung_of(500), rung_of(2000)
    return {
        "estimate_ms": least_ms(lambda: estimate_peak(shape, workload, device), 10 * repeat),
        "standing_500_ms": least_ms(lambda: standing(small, ("maximize",) * 3, Halving()), repeat),
        "standing_2000_ms": least_ms(lambda: standing(large, ("maximize",) * 3, Halving()), max(3, repeat // 4)),
        "sign_flip_ms": least_ms(lambda: sign_flip_p(differences), 10 * repeat),
        "instrument_ms": least_ms(lambda: compiled(TWENTY_LINES), 10 * repeat),
    }


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=20)
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    args = parser.parse_args()
    found = measure(args.repeat)
    print(json.dumps(found) if args.json else "\n".join(f"{name:18} {value:9.3f}" for name, value in found.items()))


if __name__ == "__main__":
    main()
