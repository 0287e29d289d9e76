"""Every way a trial process can end, and what the study is told about it."""

from __future__ import annotations

import pytest

from harness.core.admission import Budget
from harness.core.outcome import Ending
from harness.core.watchdog import Kill
from harness.guard.supervise import Ended
from harness.sweep.judge import judge
from harness.trial.spec import ChildEnding, TrialResult

BUDGET = Budget(1000, 4000, "test")


def ended(**changes: object) -> Ended:
    base: dict[str, object] = {
        "returncode": 0,
        "duration_s": 5.0,
        "peak_bytes": 800,
        "killed": None,
        "timed_out": False,
        "interrupted": False,
        "log_tail": "first\nlast words\n",
        "memory_back_after_s": 0.0,
    }
    return Ended(**{**base, **changes})  # type: ignore[arg-type]


def result(ending: ChildEnding) -> TrialResult:
    return TrialResult(ending, "its reason", {"train_loss": 1.5})


CASES = [
    ("completed", ended(), result(ChildEnding.COMPLETED), Ending.COMPLETED, -0.2),
    ("watchdog", ended(killed=Kill("too much", 1200, 0.2), peak_bytes=1200), None, Ending.PRUNED_MEMORY, 0.2),
    ("neighbour", ended(killed=Kill("neighbour", 500, -0.5)), None, Ending.FAILED, -0.2),
    ("out of memory", ended(peak_bytes=990), result(ChildEnding.OUT_OF_MEMORY), Ending.PRUNED_MEMORY, 1e-6),
    ("kernel OOM killer", ended(returncode=-9, peak_bytes=950), None, Ending.PRUNED_MEMORY, 1e-6),
    ("kill -9 far below the budget", ended(returncode=-9, peak_bytes=200), None, Ending.FAILED, -0.8),
    ("diverged", ended(), result(ChildEnding.DIVERGED), Ending.PRUNED_UNSTABLE, -0.2),
    ("timeout", ended(timed_out=True, returncode=-9), None, Ending.PRUNED_TIMEOUT, -0.2),
    ("Ctrl-C", ended(interrupted=True), result(ChildEnding.INTERRUPTED), Ending.INTERRUPTED, -0.2),
    ("broken", ended(), result(ChildEnding.FAILED), Ending.FAILED, -0.2),
    ("crashed", ended(returncode=1), None, Ending.FAILED, -0.2),
]


@pytest.mark.parametrize(("seen", "said", "ending", "memory"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_outcomes(seen: Ended, said: TrialResult | None, ending: Ending, memory: float) -> None:
    outcome = judge(seen, said, BUDGET)
    assert outcome.ending is ending
    assert outcome.reason
    assert outcome.constraints()["memory"] == pytest.approx(memory)
    assert (outcome.constraints()["stability"] > 0) == (ending is Ending.PRUNED_UNSTABLE)
    assert outcome.metrics["peak_bytes"] == seen.peak_bytes


def test_a_crash_carries_its_last_words() -> None:
    assert "last words" in judge(ended(returncode=1), None, BUDGET).reason
    assert "signal 11" in judge(ended(returncode=-11), None, BUDGET).reason
