"""From how a trial process ended to the trial's outcome. Pure: what was observed comes in, a reasoned value goes out."""

from __future__ import annotations

import signal
from dataclasses import replace

from harness.core.admission import Budget
from harness.core.outcome import Ending, Outcome
from harness.guard.supervise import Ended
from harness.trial.spec import ChildEnding, TrialResult

NEAR_BUDGET = 0.9
"""A SIGKILL that nobody here sent, this close to the budget, is the kernel's out-of-memory killer at work."""

FULL_BYTES = 16 << 20
"""A disk with less room than this is full: what failed to be written may have been larger than what is left."""

_BARELY = 1e-6
_NO_SPACE = ("no space left", "disk quota exceeded", "disk is full")


def judge(ended: Ended, result: TrialResult | None, budget: Budget) -> Outcome:
    """Say how a trial ended, before its suites are scored.

    Args:
        ended: What the supervisor saw.
        result: What the trial process wrote; None when it did not live to write anything.
        budget: What the trial was allowed.
    """
    observed = ended.peak_bytes / budget.bytes - 1
    metrics = {
        **(result.metrics if result else {}),
        "peak_bytes": float(ended.peak_bytes),
        "trial_runtime_s": ended.duration_s,
    }
    plain = Outcome(Ending.COMPLETED, "completed", metrics, memory_constraint=min(observed, 0.0))
    if ended.killed is not None:
        if ended.killed.constraint <= 0:
            return replace(plain, ending=Ending.FAILED, reason=ended.killed.reason)
        kill = ended.killed
        return replace(plain, ending=Ending.PRUNED_MEMORY, reason=kill.reason, memory_constraint=max(kill.constraint, observed))
    if ended.interrupted:
        return replace(plain, ending=Ending.INTERRUPTED, reason="interrupted by the user")
    if ended.timed_out:
        return replace(plain, ending=Ending.PRUNED_TIMEOUT, reason=f"took longer than {ended.duration_s:.0f} s")
    if result is None:
        return _silent(ended, plain, observed)
    return _reported(result, plain, observed)


def out_of_disk(outcome: Outcome, free_bytes: int) -> bool:
    """Whether a trial failed because the disk is full: that says nothing about the trial, and the next one fails as well.

    Args:
        outcome: Of the trial.
        free_bytes: Left on the disk that trials are kept on.
    """
    if outcome.ending is not Ending.FAILED:
        return False
    return free_bytes < FULL_BYTES or any(words in outcome.reason.lower() for words in _NO_SPACE)


def _silent(ended: Ended, plain: Outcome, observed: float) -> Outcome:
    if ended.returncode == -signal.SIGKILL and observed > NEAR_BUDGET - 1:
        reason = "killed by the kernel, most likely for memory"
        return replace(plain, ending=Ending.PRUNED_MEMORY, reason=reason, memory_constraint=max(observed, _BARELY))
    last = next((line for line in reversed(ended.log_tail.splitlines()) if line.strip()), "it said nothing")
    how = f"signal {-ended.returncode}" if ended.returncode < 0 else f"exit code {ended.returncode}"
    return replace(plain, ending=Ending.FAILED, reason=f"the trial process died by {how}: {last.strip()[:200]}")


def _reported(result: TrialResult, plain: Outcome, observed: float) -> Outcome:
    match result.ending:
        case ChildEnding.COMPLETED:
            return plain
        case ChildEnding.OUT_OF_MEMORY:
            return replace(plain, ending=Ending.PRUNED_MEMORY, reason=result.reason, memory_constraint=max(observed, _BARELY))
        case ChildEnding.DIVERGED:
            return replace(plain, ending=Ending.PRUNED_UNSTABLE, reason=result.reason, stability_constraint=1.0)
        case ChildEnding.INTERRUPTED:
            return replace(plain, ending=Ending.INTERRUPTED, reason=result.reason)
    return replace(plain, ending=Ending.FAILED, reason=result.reason)
