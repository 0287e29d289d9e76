"""How well admission did: how often what it let in ran out of memory, and how often it refused what would have fitted. Pure.

Owns these two shares and their wording. The first is counted. The second can only be estimated, since what was refused
never ran: the ratios of observed to predicted peaks tell how likely each refused trial would have fitted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from harness.core.calibration import Observation

_Z95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Decision:
    """One admission and what became of it.

    Attributes:
        admitted: Whether the trial was started.
        predicted_bytes: The corrected estimate that was judged.
        estimate_bytes: The same before the correction, above 0; what `Observation.predicted_bytes` is.
        budget_bytes: The ceiling it was judged by.
        out_of_memory: It was started and ran out of memory, or was killed above its budget.
        device: As in `Observation`.
        model: As in `Observation`.
        group: As in `Observation`.
    """

    admitted: bool
    predicted_bytes: int
    estimate_bytes: int
    budget_bytes: int
    out_of_memory: bool
    device: str
    model: str
    group: str


@dataclass(frozen=True, slots=True)
class Reliability:
    """Admission's record over one sweep.

    Attributes:
        admitted: Trials started.
        admitted_oom: Of these, those that ran out of memory or were killed above the budget.
        p_oom_admitted: Their share, 0-1; None where none was started.
        interval: 95 % interval of that share; None where none was started.
        rejected: Trials refused.
        p_rejected_would_fit: Of all that would have fitted, the share that was refused, 0-1, estimated; None where
            nothing is known to estimate it from.
        basis: What the estimate rests on, for a person.
    """

    admitted: int
    admitted_oom: int
    p_oom_admitted: float | None
    interval: tuple[float, float] | None
    rejected: int
    p_rejected_would_fit: float | None
    basis: str

    def as_metrics(self) -> dict[str, float]:
        """Metric name -> value; what is not known is absent."""
        low, high = self.interval or (None, None)
        values = {
            "guard_admitted": self.admitted,
            "guard_admitted_oom": self.admitted_oom,
            "guard_rejected": self.rejected,
            "guard_p_oom_admitted": self.p_oom_admitted,
            "guard_p_oom_admitted_low": low,
            "guard_p_oom_admitted_high": high,
            "guard_p_rejected_would_fit": self.p_rejected_would_fit,
        }
        return {name: float(value) for name, value in values.items() if value is not None}

    def sentence(self) -> str:
        """Both shares, for the screen."""
        if self.interval is None:
            ran = "no trial was admitted"
        else:
            low, high = (100 * bound for bound in self.interval)
            ran = (
                f"{self.admitted_oom} of {self.admitted} admitted trials ran out of memory (95 % interval {low:.1f}-{high:.1f} %)"
            )
        if self.rejected == 0:
            return f"{ran}; none was refused"
        if self.p_rejected_would_fit is None:
            return f"{ran}; {self.rejected} refused, {self.basis}"
        share = f"about {100 * self.p_rejected_would_fit:.1f} % of what would have fitted was refused"
        return f"{ran}; {self.rejected} refused, {share} (estimated from {self.basis})"


def reliability(decisions: Sequence[Decision], observations: Sequence[Observation]) -> Reliability:
    """Judge a sweep's admissions.

    A refused trial would have fitted with the share of the ratios r, seen on its device with its model (and in its
    group, where that has any), for which estimate x r is within the budget. Peaks that were cut off count as not
    fitting. Refused trials without any such ratio are left out, and `basis` says how many.
    """
    refused = [decision for decision in decisions if not decision.admitted]
    admitted = len(decisions) - len(refused)
    ran_out = sum(decision.admitted and decision.out_of_memory for decision in decisions)
    shares = [share for share in (_share_that_fits(decision, observations) for decision in refused) if share is not None]
    unknown = len(refused) - len(shares)
    would_fit = sum(shares) + (admitted - ran_out)
    known = (bool(shares) or not refused) and would_fit > 0
    return Reliability(
        admitted,
        ran_out,
        ran_out / admitted if admitted else None,
        wilson_interval(ran_out, admitted) if admitted else None,
        len(refused),
        sum(shares) / would_fit if known else None,
        _basis(len(observations), unknown, known=known),
    )


def wilson_interval(hits: int, of: int) -> tuple[float, float]:
    """95 % interval of a share; of 0 hits in n the upper end is about 3.84 / (n + 3.84).

    Args:
        hits: 0 <= hits <= of.
        of: Above 0.

    Source: Wilson (1927), "Probable inference, the law of succession, and statistical inference".
    """
    share, spread = hits / of, _Z95**2 / of
    middle = share + spread / 2
    half = _Z95 * math.sqrt(share * (1 - share) / of + spread / (4 * of))
    low, high = (middle - half) / (1 + spread), (middle + half) / (1 + spread)
    return (0.0 if hits == 0 else max(0.0, low), 1.0 if hits == of else min(1.0, high))


def _share_that_fits(decision: Decision, observations: Sequence[Observation]) -> float | None:
    pooled = [seen for seen in observations if seen.device == decision.device and seen.model == decision.model]
    ratios = [seen for seen in pooled if seen.group == decision.group] or pooled
    if not ratios:
        return None
    fitting = sum(not seen.censored and decision.estimate_bytes * seen.ratio <= decision.budget_bytes for seen in ratios)
    return fitting / len(ratios)


def _basis(peaks: int, unknown: int, *, known: bool) -> str:
    if not known:
        return "no observed peak suggests that any of them would have fitted"
    return f"{peaks} observed peaks" + (f"; {unknown} refused trials are left out for want of one" if unknown else "")
