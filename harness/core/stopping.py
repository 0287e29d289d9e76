"""When a trial is given up though it neither diverged nor outgrew its memory: a hopeless loss, silence. Pure.

Owns both rules and their wording. Divergence is found where the loss is made, in `harness.trial`; what a rung's scores
say is `harness.core.halving`'s; clocks and killing are the sweep's.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from statistics import median

LEAST_OTHERS = 4
"""Losses that a median and its spread are taken over, at least."""
SPREADS = 3.0
LEAST_EXCESS = 0.05
_MAD_TO_SIGMA = 1.4826


def hopeless(eval_loss: float, others: Iterable[float]) -> str | None:
    """Why a validation loss is out of reach of the others at the same rung; None where it is not.

    It has to lie above their median by more than three robust standard deviations and by at least 5 %: losses that
    hardly differ at all have a spread near 0. A loss that is no number is hopeless by itself.

    Args:
        eval_loss: Nats a token.
        others: The other trials' at the same rung; those that are no number are left out, fewer than four judge nothing.

    Source: Leys et al. (2013), "Detecting outliers: do not use standard deviation around the mean, use absolute deviation
    around the median".
    """
    if not math.isfinite(eval_loss):
        return f"validation loss is {eval_loss}"
    losses = [loss for loss in others if math.isfinite(loss)]
    if len(losses) < LEAST_OTHERS:
        return None
    middle = median(losses)
    spread = _MAD_TO_SIGMA * median(abs(loss - middle) for loss in losses)
    if eval_loss <= middle + SPREADS * spread or eval_loss < middle * (1 + LEAST_EXCESS):
        return None
    return f"validation loss {eval_loss:.3f} is hopeless: {len(losses)} others at this rung have {middle:.3f} in the median" + (
        f", spread {spread:.3f}" if spread else ""
    )


def hopeless_trials(losses: Mapping[int, float], waiting: Set[int], spared: Set[int]) -> dict[int, str]:
    """Trial -> why its validation loss is hopeless, of those that wait at a rung.

    Args:
        losses: Trial -> nats a token, of all that ever reached the rung.
        waiting: Trials that may be ended.
        spared: Trials whose place at the rung speaks for them, whatever their loss, as long as it is a number.
    """
    spared = {trial for trial in spared if math.isfinite(losses.get(trial, math.nan))}
    judged = {
        trial: hopeless(losses[trial], [loss for other, loss in losses.items() if other != trial])
        for trial in sorted((waiting - spared) & losses.keys())
    }
    return {trial: reason for trial, reason in judged.items() if reason is not None}


@dataclass(frozen=True, slots=True)
class Stall:
    """A trial that reports nothing for so long is given up.

    Attributes:
        stall_s: Seconds without an event, above 0.

    Raises:
        ValueError: if it is not above 0.
    """

    stall_s: float

    def __post_init__(self) -> None:
        if not self.stall_s > 0:
            raise ValueError(f"stall_s has to be above 0, found {self.stall_s}")

    def reason(self, quiet_s: float) -> str | None:
        """Why a trial that has been quiet for so many seconds is given up; None where it is not."""
        if quiet_s < self.stall_s:
            return None
        return f"reported nothing for {quiet_s:.0f} s (stall_s {self.stall_s:g})"
