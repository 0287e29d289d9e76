"""What finished trials teach about the estimate: one factor per device and model, with a stated coverage. Pure.

Owns the rule from observed peaks to a factor. The estimate is `harness.core.memory`'s, the file of observations
`harness.guard.observations`'s. There is no safety margin here: the factor is a rank among observed ratios.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from harness.core.memory import MemoryEstimate
from harness.core.params import TrialParams


@dataclass(frozen=True, slots=True)
class Observation:
    """What one trial took.

    Attributes:
        device: Name of the device, e.g. ``NVIDIA A10G``.
        model: Name of the base model.
        group: Settings whose ratios resemble each other; see `group_of`.
        predicted_bytes: The estimate before any correction, above 0.
        observed_bytes: The peak, not below 0. For a trial that was killed or ran out of memory: the size that it
            certainly exceeds or cannot live with, i.e. the larger of its last peak and the ceiling that it hit.
        censored: The true peak is not known, only that it is above `observed_bytes`.

    Raises:
        ValueError: if a size is out of its range.
    """

    device: str
    model: str
    group: str
    predicted_bytes: int
    observed_bytes: int
    censored: bool

    def __post_init__(self) -> None:
        if self.predicted_bytes <= 0 or self.observed_bytes < 0:
            msg = (
                f"an observation needs predicted_bytes > 0 and observed_bytes >= 0: {self.predicted_bytes}, {self.observed_bytes}"
            )
            raise ValueError(msg)

    @property
    def ratio(self) -> float:
        """Observed / predicted; a censored peak counts one byte more than what it exceeds, so that it does not fit there."""
        return (self.observed_bytes + self.censored) / self.predicted_bytes


@dataclass(frozen=True, slots=True)
class Correction:
    """What to multiply an estimate by.

    Attributes:
        factor: Above 0; 1 where nothing was learned.
        coverage: Share of future peaks, at least, that stay at or below the corrected estimate, 0-1. It holds on
            average over trials that resemble the observed ones (exchangeable ratios), not for one setting.
        count: Peaks it was learned from.
        basis: Which peaks these are, for a person.
    """

    factor: float
    coverage: float
    count: int
    basis: str

    def applied(self, estimate: MemoryEstimate) -> MemoryEstimate:
        """The corrected estimate; the difference is a term of its own, below 0 where trials took less than predicted."""
        total = math.ceil(estimate.total_bytes * self.factor)
        learned = (f"learned from {self.count} peaks", total - estimate.total_bytes)
        terms = (*estimate.terms, learned) if learned[1] else estimate.terms
        return MemoryEstimate(terms, total, estimate.phase, estimate.source)


UNCORRECTED = Correction(1.0, 0.0, 0, "nothing observed yet")
"""What is known before the first trial."""


def group_of(params: TrialParams) -> str:
    """The name under which a trial's peak is kept: the settings that decide most which terms the formula adds up."""
    return params.quantization.value + (" checkpointing" if params.gradient_checkpointing else "")


def enough(coverage: float) -> int:
    """The fewest peaks among which the rank for a coverage exists: 19 for 0.95.

    Source: ceil((n + 1) * coverage) <= n.
    """
    return math.ceil(round(coverage / (1 - coverage), 6))


def learn(observations: Sequence[Observation], device: str, model: str, group: str, coverage: float = 0.95) -> Correction:
    """The factor that covers a share of the peaks of one group of settings.

    The ceil((n + 1) * coverage)-th smallest of observed / predicted, over the group where it has `enough` peaks, else
    over all of this model on this device. With too few of either it is the largest ratio, which covers n / (n + 1).
    Never below 1, nor below what the group itself has shown, until the group has `enough` peaks of its own.

    A censored peak ranks above all known ones: a rank among the known ratios then keeps its coverage whatever the
    censored peaks really were. Where the rank falls on a censored one the factor is only known to be at least the
    largest bound; the coverage stated is that of the known ratios below it, (known - 1) / (n + 1). In each case the
    factor is so large that a prediction like that of a killed trial of this group, or a larger one, is above the
    ceiling at which that trial was killed.

    Args:
        observations: Of any device and model.
        device: As in `Observation`.
        model: As in `Observation`.
        group: As in `Observation`.
        coverage: 0.5 <= coverage < 1.

    Raises:
        ValueError: if `coverage` is out of its range.

    Source: split conformal prediction: Vovk, Gammerman, Shafer (2005), "Algorithmic learning in a random world"; Lei et
        al. (2018), "Distribution-free predictive inference for regression", 10.1080/01621459.2017.1307116.
    """
    if not 0.5 <= coverage < 1:
        msg = f"coverage must be at least 0.5 and below 1, not {coverage}"
        raise ValueError(msg)
    pooled = [seen for seen in observations if seen.device == device and seen.model == model]
    own = [seen for seen in pooled if seen.group == group]
    if not pooled:
        return UNCORRECTED
    settled = len(own) >= enough(coverage)
    chosen = own if settled else pooled
    factor, covered = _quantile(chosen, coverage)
    shown = [seen.ratio for seen in own if seen.censored or not settled]
    factor = max(factor, 0.0 if settled else 1.0, *shown)
    return Correction(factor, covered, len(chosen), _basis(chosen, group if settled else "all settings"))


def _quantile(chosen: Sequence[Observation], coverage: float) -> tuple[float, float]:
    """(ratio, coverage that it has for certain) over at least one peak."""
    count = len(chosen)
    rank = min(count, math.ceil(round((count + 1) * coverage, 9)))
    known = sorted(seen.ratio for seen in chosen if not seen.censored)
    if rank <= len(known):
        return known[rank - 1], rank / (count + 1)
    return max(seen.ratio for seen in chosen), max(0, len(known) - 1) / (count + 1)


def _basis(chosen: Sequence[Observation], of: str) -> str:
    killed = sum(seen.censored for seen in chosen)
    ended = f", {killed} of them cut off" if killed else ""
    return f"{len(chosen)} {'peak' if len(chosen) == 1 else 'peaks'} of {of}{ended}"
