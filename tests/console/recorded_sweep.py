"""One recorded sweep, told to every view."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.console.view import (
    SweepHeader,
    SweepSummary,
    SweepView,
    TrialEnd,
    TrialLine,
    TrialProgress,
)
from harness.core.outcome import Ending
from harness.core.pareto import Objective

GIB = 2**30
NAMES = ("pass_rate", "branch_coverage", "mutation_score")
OBJECTIVES = tuple(Objective(name, "maximize") for name in NAMES)
REASON = "estimate 9.0 GiB is over the budget of 8.0 GiB by 12 %"
PARAMS = {
    "trial 0": {"r": 16, "lora_alpha": 32, "learning_rate": 2e-4, "warmup_ratio": 0.03, "quantization": "none"},
    "trial 1": {"r": 8, "lora_alpha": 16, "learning_rate": 1.3e-3, "warmup_ratio": 0.0, "quantization": "nf4"},
    "trial 2": {"r": 64, "lora_alpha": 128, "learning_rate": 4.9e-3, "warmup_ratio": 0.1, "quantization": "int8"},
}


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@dataclass(frozen=True)
class Recording:
    """The events in order; `tell` plays them, and moves the clock by `step_s` between two."""

    header: SweepHeader
    summary: SweepSummary

    def tell(self, view: SweepView, clock: Clock, step_s: float = 1.0) -> None:
        for event in self.events():
            event(view)
            clock.seconds += step_s

    def events(self) -> list[Callable[[SweepView], None]]:
        told: list[Callable[[SweepView], None]] = [
            lambda v: v.message("model: found in the cache"),
            lambda v: v.sweep_started(self.header),
        ]
        all_three = dict(zip(NAMES, (0.46, 0.41, 0.22), strict=True))
        told += self._run(TrialLine("base zero-shot", {}, GIB, "baseline"), dict.fromkeys(NAMES, 0.0))
        told += self._run(TrialLine("trial 0", PARAMS["trial 0"], 2 * GIB), all_three)
        told += self._run(TrialLine("trial 1", PARAMS["trial 1"], 2 * GIB), {"pass_rate": 0.3, "branch_coverage": 0.5})
        end = TrialEnd("trial 2", Ending.PRUNED_MEMORY, REASON, {}, 0.01)
        return [*told, lambda v: v.trial_ended(end), lambda v: v.sweep_ended(self.summary)]

    @staticmethod
    def _run(trial: TrialLine, metrics: dict[str, float]) -> list[Callable[[SweepView], None]]:
        looks = [TrialProgress(trial.label, "load", used_bytes=GIB // 2, budget_bytes=8 * GIB)]
        looks += [TrialProgress(trial.label, "train", n, 40, 3.0 - n / 20, 2 * GIB, 8 * GIB, 90.0 - n) for n in range(1, 41)]
        looks += [TrialProgress(trial.label, "score", n, 4, 1.0) for n in range(5)]
        end = TrialEnd(trial.label, Ending.COMPLETED, "completed", metrics, 101.4)
        return [
            lambda v: v.trial_started(trial),
            *(lambda v, look=look: v.trial_progress(look) for look in looks),
            lambda v: v.trial_ended(end),
        ]
