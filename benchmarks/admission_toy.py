"""A toy problem with a card of 24 units, and an estimate that is wrong on purpose.

Two objectives (quality up, memory per sample down), six parameters; the best quality lies at the limit of the card. The
estimate is off by a factor that is drawn once per card, from -10 % to +10 %, and by up to 2 % more from one configuration to
the next; nothing but the launches tells the guard so.
"""

from __future__ import annotations

import math

from admission_problem import GIB, Problem, Proposal, seeded
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from harness.core.memory import MemoryEstimate

CARD = 24.0
TOY_ESTIMATE = "wrong on purpose: the true peak, off by -10 to +10 % on one card and by up to 2 % more on one configuration"
BASE = {"nf4": 5.0, "fp4": 5.0, "int8": 8.0, "bf16": 14.0}
BONUS = {"nf4": 0.0, "fp4": -0.02, "int8": 0.02, "bf16": 0.05}
SPACE = {
    "rank": IntDistribution(4, 128, log=True),
    "learning_rate": FloatDistribution(1e-5, 1e-2, log=True),
    "warmup_ratio": FloatDistribution(0, 0.2),
    "quantization": CategoricalDistribution(list(BASE)),
    "batch": CategoricalDistribution([1, 2, 4, 8]),
    "max_length": CategoricalDistribution([512, 1024, 2048]),
}
FIRST = {"rank": 16, "learning_rate": 2e-4, "warmup_ratio": 0.03, "quantization": "nf4", "batch": 1, "max_length": 1024}


def units(proposal: Proposal) -> float:
    """Memory used, in the card's units."""
    tokens = proposal["batch"] * proposal["max_length"]
    return float(BASE[proposal["quantization"]] + proposal["rank"] * 0.03 + tokens / 1024 * 1.9)


def quality(proposal: Proposal) -> tuple[float, float]:
    """(quality, memory per sample)."""
    value = (
        1
        - 0.1 * (math.log10(proposal["learning_rate"]) + 3.7) ** 2
        + 0.05 * math.log2(proposal["rank"])
        + 0.03 * math.log2(proposal["max_length"] / 512 + 1)
        + BONUS[proposal["quantization"]]
        - (proposal["warmup_ratio"] - 0.05) ** 2
    )
    return value, units(proposal) * proposal["batch"] ** -0.5


def toy(seed: int) -> Problem:
    """The problem with the estimate of one card."""
    bias = seeded("toy", seed).uniform(-0.10, 0.10)

    def estimate(proposal: Proposal) -> MemoryEstimate:
        deciding = (proposal[name] for name in ("rank", "quantization", "batch", "max_length"))
        off = bias + seeded("toy", seed, *deciding).uniform(-0.02, 0.02)
        total = round(units(proposal) * GIB * (1 + off))
        return MemoryEstimate((("all", total),), total, "loss")

    return Problem(
        distributions=SPACE,
        directions=("maximize", "minimize"),
        reference=(0.0, CARD),
        first=FIRST,
        capacity_bytes=round(CARD * GIB),
        settings=lambda proposal: proposal,
        group=lambda proposal: str(proposal["quantization"]),
        truth=lambda proposal, _: round(units(proposal) * GIB),
        estimate=estimate,
        quality=quality,
    )
