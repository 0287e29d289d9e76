"""Whose memory it is: the trial's share of a device, told from its neighbours' where the driver lists processes.

Owns when the driver is asked: once a second at most, and only once a trial seems to be above its budget. From the first time
that a neighbour turns out to have grown, every second, because the neighbour's memory may come back as well.
"""

from __future__ import annotations

from dataclasses import replace

from harness.core.admission import Budget
from harness.core.watchdog import Blame, Keep, Kill, MemorySample, reconsider
from harness.guard.probe import MemoryProbe

ASK_SECONDS = 1.0


class Shares:
    """The shares of one device during one trial."""

    def __init__(self, probe: MemoryProbe) -> None:
        self._probe = probe
        self._due = float("-inf")
        self._moved = False
        self._told_at = float("-inf")

    def followed(self, seconds: float, sample: MemorySample) -> MemorySample:
        """The sample, with what the driver lists for the trial where the baseline was moved before and a second is over."""
        if not self._moved or seconds < self._due:
            return sample
        own = self._ask(seconds)
        if own is None:
            return sample
        self._told_at = seconds
        return self._move(sample, own)

    def judged(self, seconds: float, sample: MemorySample, budget: Budget, level: Kill) -> tuple[MemorySample, Keep | Kill]:
        """Judge a sample above the budget again.

        Args:
            seconds: Since the trial started.
            sample: By the fall of free memory.
            budget: What the trial may take.
            level: The decision on that sample, which stands where the driver tells nothing.
        """
        if seconds == self._told_at:
            return sample, level
        if seconds < self._due:  # asked a moment ago, and it was a neighbour: the next answer decides
            return replace(sample, used_bytes=budget.bytes), Keep(0)
        own = self._ask(seconds)
        if own is None:
            return sample, level
        decision = reconsider(sample, own, budget)
        if isinstance(decision, Kill) and decision.blame is Blame.OWN:
            return sample, decision
        return self._move(sample, own), decision

    def _ask(self, seconds: float) -> int | None:
        self._due = seconds + ASK_SECONDS
        return self._probe.own_bytes()

    def _move(self, sample: MemorySample, own_bytes: int) -> MemorySample:
        self._moved = True
        self._probe.rebase(own_bytes)
        return replace(sample, used_bytes=own_bytes)
