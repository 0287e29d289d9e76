"""When training counts as diverged. A rule over numbers: no torch, no clock."""

from __future__ import annotations

import math
from collections.abc import Iterable

EXPLOSION_FACTOR = 3.0
BASELINE_LOGS = 3


class DivergedError(Exception):
    """The loss is not finite, or exploded; the message says where."""


class LossGuard:
    """Watches the logged training losses.

    Diverged is: a loss or gradient norm that is not finite, or a loss above `EXPLOSION_FACTOR` times the mean of the
    first `BASELINE_LOGS` logged losses once the warmup is over.

    Args:
        warmup_steps: Optimizer steps during which only non-finite values count.
    """

    def __init__(self, warmup_steps: int) -> None:
        self._warmup_steps = warmup_steps
        self._first: list[float] = []

    @property
    def first_losses(self) -> list[float]:
        """What later losses are compared with."""
        return list(self._first)

    def take_up(self, first_losses: Iterable[float]) -> None:
        """Go on with the `first_losses` of a training that was paused."""
        self._first = list(first_losses)

    def verdict(self, step: int, loss: float, grad_norm: float | None) -> str | None:
        """The reason why training has diverged at this step, or None.

        Args:
            step: Optimizer steps done.
            loss: Mean training loss since the last log.
            grad_norm: Norm before clipping, or None where it was not measured.
        """
        if not math.isfinite(loss):
            return f"loss is {loss} at step {step}"
        if grad_norm is not None and not math.isfinite(grad_norm):
            return f"gradient norm is {grad_norm} at step {step}"
        if len(self._first) < BASELINE_LOGS:
            self._first.append(loss)
            return None
        baseline = sum(self._first) / len(self._first)
        if step > self._warmup_steps and loss > EXPLOSION_FACTOR * baseline:
            return f"loss {loss:.3g} at step {step} is above {EXPLOSION_FACTOR:g} times its start ({baseline:.3g})"
        return None
