"""Spaces and histories that several tests of this folder share."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from harness.study.history import Past, PastState
from harness.study.sampling import ProposalAsk, propose

SPACE: dict[str, BaseDistribution] = {
    "r": IntDistribution(4, 64, log=True),
    "learning_rate": FloatDistribution(1e-5, 1e-2, log=True),
    "warmup_ratio": FloatDistribution(0.0, 0.3, step=0.05),
    "max_length": IntDistribution(512, 2048, step=512),
    "quantization": CategoricalDistribution(["none", "int8", "nf4"]),
    "use_rslora": CategoricalDistribution([False, True]),
    "gradient_accumulation_steps": IntDistribution(4, 4),
}
"""One axis of every kind, the last with a single value."""

Values = tuple[float, ...]


def quality(params: Mapping[str, Any]) -> Values:
    """Two objectives, both best near a learning rate of 3e-4, in some conflict over the rank."""
    off = abs(math.log10(params.get("learning_rate", 3e-4) / 3e-4))
    rank = math.log2(params.get("r", 8)) / 6
    return 1 - 0.4 * off + 0.1 * rank, 1 - 0.4 * off - 0.1 * rank


def finished(number: int, params: Mapping[str, Any], values: Values) -> Past:
    return Past(number, params, PastState.COMPLETE, (values,), {"memory": -0.5, "stability": -1.0, "rung": -1.0})


def ruled_out(number: int, params: Mapping[str, Any], by: float) -> Past:
    return Past(number, params, PastState.INFEASIBLE, (), {"memory": by, "stability": -1.0, "rung": -1.0})


def searched(
    ask: ProposalAsk, count: int, become: Callable[[int, dict[str, Any]], Past], start: Sequence[Past] = ()
) -> list[Past]:
    """A history of proposals, each turned into what became of it."""
    history = list(start)
    while len(history) < count + len(start):
        proposal = propose(history, ask)
        assert proposal is not None
        history.append(become(len(history), proposal))
    return history
