"""What a trial's memory is remembered by: its record for MLflow, and the peak that the estimate learns from."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby

from harness.console.text import gib
from harness.core.admission import Budget
from harness.core.calibration import Correction
from harness.core.outcome import Ending, Outcome
from harness.sweep.gate import Gate, Judged
from harness.sweep.runner import ChildRun
from harness.sweep.workplace import Workplace
from harness.tracking.memory import MemoryRecord
from harness.trial.events import EventReader


def learn_from(gate: Gate, judged: Judged, child: ChildRun, outcome: Outcome) -> None:
    """Remember the peak of a trial that went through every phase, or that was ended because it needed more.

    One that diverged, was interrupted or ran out of time may not have reached its peak: it teaches nothing.
    """
    peak = child.ended.peak_bytes
    if outcome.ending is Ending.COMPLETED and child.ended.blind is None:
        gate.observe(judged, peak, censored=False)
    elif outcome.ending is Ending.PRUNED_MEMORY:
        gate.observe(judged, max(peak, child.allowed.bytes), censored=True)


def unless_crowded(outcome: Outcome, child: ChildRun, budget: Budget) -> Outcome:
    """A trial that ran out of memory because others held it is no verdict on its settings: it counts as failed.

    Args:
        outcome: As judged.
        child: Its process, with what it was allowed.
        budget: What it would have been allowed on its own.
    """
    crowded = child.allowed.bytes < budget.bytes and child.ended.peak_bytes <= budget.bytes
    if outcome.ending is not Ending.PRUNED_MEMORY or not crowded:
        return outcome
    reason = f"{outcome.reason}; other processes had left {gib(child.allowed.bytes)} of the budget of {gib(budget.bytes)}"
    return replace(outcome, ending=Ending.FAILED, reason=reason, memory_constraint=0.0)


def memory_record(work: Workplace, judged: Judged | None, outcome: Outcome, child: ChildRun | None) -> MemoryRecord:
    """Everything known about a trial's memory.

    Args:
        work: The sweep.
        judged: Its way through the gate; None for what has no estimate.
        outcome: How it ended.
        child: Its process; None when it was refused.
    """
    learned = judged.correction if judged and judged.correction and judged.correction.count else None
    ended = child.ended if child else None
    return MemoryRecord(
        reason=outcome.reason,
        budget_bytes=work.materials.budget.bytes,
        device=work.materials.probe.device_name,
        estimate=judged.estimate if judged else None,
        corrected_bytes=judged.corrected.total_bytes if judged and judged.corrected and learned else None,
        correction=_in_words(learned) if learned else "",
        steps=judged.steps if judged else (),
        curve=ended.curve if ended else (),
        phases=_phases(child) if child else (),
        killed_at_s=ended.killed_at_s if ended else None,
        blind="; ".join(filter(None, (ended.blind, *ended.notes))) or None if ended else None,
        observed_peak_bytes=ended.peak_bytes if ended else None,
    )


def _in_words(learned: Correction) -> str:
    return f"x{learned.factor:.2f} covers {learned.coverage:.0%} of future peaks, by {learned.basis}"


def _phases(child: ChildRun) -> tuple[tuple[float, str], ...]:
    """Seconds since the start of the process at which each phase was first heard of."""
    events = EventReader(child.folder.events_file).new()
    firsts = (next(same) for _, same in groupby(events, key=lambda event: event.phase))
    return tuple((max(0.0, first.time - child.started_at), first.phase) for first in firsts)
