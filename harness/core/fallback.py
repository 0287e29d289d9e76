"""What is tried after a trial became unstable: the same trial, calmer. Pure.

Owns the steps and their order. Whether there is a next attempt at all (`on_unstable`) and recording it are the sweep's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from harness.core.params import TrialParams

LOWEST_WARMUP = 0.1
HIGHEST_WARMUP = 0.5
HIGHEST_CLIP = 0.3
_WITHOUT_WARMUP = frozenset({"constant"})
"""Schedules of transformers that start at the full learning rate whatever the warmup."""


def calmer(params: TrialParams, attempt: int) -> tuple[TrialParams, str] | None:
    """The settings of another attempt at a trial that diverged, and what they have otherwise; None when it is given up.

    Ladder of attempts; each keeps the changes of those before, since `params` has them:

    1. half the learning rate,
    2. twice the warmup, at least a tenth of the steps and at most half of them,
    3. gradients clipped at a third of the norm, at most at 0.3.

    Where a step would change nothing, the next one is taken in its place, so that no attempt repeats the one before.

    Args:
        params: The settings that diverged: those of the attempt before.
        attempt: From 1.

    Raises:
        ValueError: if `attempt` is below 1.
    """
    if attempt < 1:
        raise ValueError(f"attempts are counted from 1, found {attempt}")
    for name, step in _LADDER[attempt - 1 :]:
        calm = step(params)
        if calm != params:
            return calm, f"{name} {getattr(params, name):g} -> {getattr(calm, name):g}"
    return None


def _slower(params: TrialParams) -> TrialParams:
    return replace(params, learning_rate=params.learning_rate / 2)


def _warmer(params: TrialParams) -> TrialParams:
    if params.lr_scheduler_type in _WITHOUT_WARMUP:
        return params
    longer = min(HIGHEST_WARMUP, max(LOWEST_WARMUP, 2 * params.warmup_ratio))
    return replace(params, warmup_ratio=max(params.warmup_ratio, longer))


def _clipped(params: TrialParams) -> TrialParams:
    """A norm of 0 means that nothing is clipped, as in transformers."""
    norm = min(HIGHEST_CLIP, params.max_grad_norm / 3) if params.max_grad_norm > 0 else HIGHEST_CLIP
    return replace(params, max_grad_norm=norm)


_LADDER: tuple[tuple[str, Callable[[TrialParams], TrialParams]], ...] = (
    ("learning_rate", _slower),
    ("warmup_ratio", _warmer),
    ("max_grad_norm", _clipped),
)
