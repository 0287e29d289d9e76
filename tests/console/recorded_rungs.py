"""A sweep with rungs and two trials at once, told event by event; `tests/console` plays it to every view."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from recorded_sweep import GIB, NAMES, OBJECTIVES

from harness.console.view import (
    ResultRow,
    SweepHeader,
    SweepSummary,
    SweepView,
    TrialEnd,
    TrialLine,
    TrialPaused,
    TrialProgress,
)
from harness.core.measured import Measured
from harness.core.outcome import Ending

Event = Callable[[SweepView], None]
BUDGET = 12 * GIB
STEPS = (12, 36, 108)
CUT = {1: 0, 2: 0, 4: 0, 5: 1, 6: 0, 7: 0}
"""Trial -> index of the rung it is cut at; the others are trained whole."""
TRIALS = 9


def settings(trial: int) -> dict[str, object]:
    rate = (1e-4, 3.3e-4, 1.1e-3)[trial % 3]
    return {"r": 4 * 2 ** (trial % 5), "lora_alpha": 32, "learning_rate": rate, "quantization": ("none", "nf4")[trial % 2]}


def worth(trial: int, rung: int) -> dict[str, float]:
    return {name: round(0.2 + 0.03 * trial + 0.05 * rung - 0.04 * axis, 2) for axis, name in enumerate(NAMES)}


def header() -> SweepHeader:
    return SweepHeader(
        study="rungs",
        model="HuggingFaceTB/SmolLM2-135M-Instruct",
        data={"train": 98, "validation": 24, "selection": 16, "test": 26},
        space={"r": "4-64 log", "learning_rate": "1e-4-5e-3 log", "quantization": "none, nf4"},
        objectives=OBJECTIVES,
        budget_bytes=BUDGET,
        device="host (2 cores)",
        n_trials=TRIALS,
        storage={"study": "mlruns/study.db", "tracking": "mlruns/mlflow.db"},
        rungs=("11 % of training, 8 functions", "33 % of training, 16 functions"),
        workers=2,
        simulated=True,
    )


def events() -> Iterator[Event]:
    """Trials two by two: both run to the first rung at once, then whoever is promoted goes on."""
    yield lambda v: v.sweep_started(header())
    for pair in ((0, 1), (2, 3), (4, 5), (6, 7), (8,)):
        yield from _together([_segment(trial, 0, begins=True) for trial in pair])
    for trial in (trial for trial, rung in CUT.items() if rung == 0):
        yield _cut(trial, 0)
    yield from _together([_segment(0, 1), _segment(3, 1)])
    yield from _together([_segment(5, 1), _segment(8, 1)])
    yield _cut(5, 1)
    yield from _together([_segment(0, 2), _segment(3, 2), _segment(8, 2)])
    yield lambda v: v.sweep_ended(summary())


def _together(streams: list[Iterator[Event]]) -> Iterator[Event]:
    waiting = list(streams)
    while waiting:
        for stream in list(waiting):
            event = next(stream, None)
            if event is None:
                waiting.remove(stream)
            else:
                yield event


def _segment(trial: int, rung: int, *, begins: bool = False) -> Iterator[Event]:
    label, last = f"trial {trial}", rung == len(STEPS) - 1
    if begins:
        yield lambda v: v.trial_started(TrialLine(label, settings(trial), 4 * GIB))
    for step in range(STEPS[rung - 1] if rung else 0, STEPS[rung] + 1, 4):
        yield lambda v, at=step: v.trial_progress(  # type: ignore[misc]
            TrialProgress(label, "train", at, STEPS[rung], 2.0 - at / 100, 3 * GIB, BUDGET, (STEPS[rung] - at) * 1.5, rung, 3)
        )
    for done in range(0, 9, 4):
        yield lambda v, at=done: v.trial_progress(TrialProgress(label, "score", at, 8, rung=rung, rungs=3))  # type: ignore[misc]
    if last:
        yield lambda v: v.trial_ended(TrialEnd(label, Ending.COMPLETED, "completed", worth(trial, rung), 240.0))
    else:
        yield lambda v: v.trial_paused(TrialPaused(label, rung, 3, worth(trial, rung), 30.0 * (rung + 1)))


def _cut(trial: int, rung: int) -> Event:
    reason = f"cut at rung {rung + 1} of 3: clearly worse than those that go on"
    return lambda v: v.trial_ended(TrialEnd(f"trial {trial}", Ending.PRUNED_RUNG, reason, {}, 30.0 * (rung + 1), rung))


def summary() -> SweepSummary:
    rows = [_row(trial) for trial in range(TRIALS)]
    return SweepSummary(tuple(rows), OBJECTIVES, 754.0, "harness ui")


def _row(trial: int) -> ResultRow:
    if trial in CUT:
        return ResultRow(f"trial {trial}", "trial", settings(trial), {}, ending=Ending.PRUNED_RUNG, reason="cut", rung=CUT[trial])
    figures = {name: Measured(value, value - 0.08, value + 0.08) for name, value in worth(trial, 2).items()}
    return ResultRow(f"trial {trial}", "trial", settings(trial), figures, on_front=trial == 8, is_knee=trial == 8)
