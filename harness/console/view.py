"""The protocol every view of a sweep follows, and the records it is told.

Owns the vocabulary between the sweep loop and the screen; holds no rendering.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, Self

from harness.console.promotion import Promotion
from harness.core.measured import Measured
from harness.core.outcome import Ending
from harness.core.pareto import Objective

RunKind = Literal["trial", "baseline"]


@dataclass(frozen=True, slots=True)
class SweepHeader:
    """What is about to happen.

    Attributes:
        study: Name of the Optuna study.
        model: Public id of the base model.
        data: Split -> number of focal functions.
        space: Searched parameter -> its distribution in words, e.g. ``8-32 log``.
        objectives: In the order of every objective vector.
        budget_bytes: Allowed peak of one trial.
        device: Device kind and name for a person.
        n_trials: Trials the study aims at, finished ones of an earlier run included.
        storage: What is kept -> where, e.g. ``study`` -> ``mlruns/study.db``.
        rungs: What a trial gets at each rung below the full one, lowest first, in words, e.g. ``11 % of training, 8 functions``;
            empty where every trial is trained whole.
        workers: Trials that may run at once.
        simulated: Nothing is trained: trials are taken from recorded or made-up learning curves.
        ended: Trials that an earlier run of the sweep ended.
    """

    study: str
    model: str
    data: Mapping[str, int]
    space: Mapping[str, str]
    objectives: tuple[Objective, ...]
    budget_bytes: int
    device: str
    n_trials: int
    storage: Mapping[str, str]
    rungs: tuple[str, ...] = ()
    workers: int = 1
    simulated: bool = False
    ended: int = 0


@dataclass(frozen=True, slots=True)
class TrialLine:
    """A trial or an untuned baseline that starts now, or a paused trial that goes on to a higher rung (told again).

    Attributes:
        label: Unique within the sweep, e.g. ``trial 3`` or ``base zero-shot``.
        params: The settings worth showing; empty for a baseline.
        estimate_bytes: Predicted peak; None where nothing is predicted.
        kind: Only trials count towards `SweepHeader.n_trials`.
    """

    label: str
    params: Mapping[str, Any]
    estimate_bytes: int | None = None
    kind: RunKind = "trial"


@dataclass(frozen=True, slots=True)
class TrialProgress:
    """One look at a running trial; may be told at any rate, views thin it out.

    Attributes:
        label: As in `TrialLine`.
        phase: load, train, eval, save, generate, score, ...
        step: Done steps of the phase.
        total_steps: Steps of the phase; 0 where it has none.
        loss: Latest training loss in nats; None before the first.
        used_bytes: What the trial holds now; None where it is not measured (the parent is scoring).
        budget_bytes: Allowed peak.
        eta_s: Seconds until the phase ends; None where unknown.
        rung: Index of the rung it is on its way to, 0 the lowest; None where that is not known.
        rungs: Rungs of the sweep, the full one included; 0 where it has none but the full one.
    """

    label: str
    phase: str
    step: int = 0
    total_steps: int = 0
    loss: float | None = None
    used_bytes: int | None = None
    budget_bytes: int = 0
    eta_s: float | None = None
    rung: int | None = None
    rungs: int = 0


@dataclass(frozen=True, slots=True)
class TrialPaused:
    """A trial reached a rung below the full one and waits; it may be promoted later, or cut.

    It goes on when `SweepView.trial_started` or `SweepView.trial_progress` is told of it again.

    Attributes:
        label: As in `TrialLine`.
        rung: Index of the rung, 0 the lowest. On a screen rungs count from 1.
        rungs: Rungs of the sweep, the full one included.
        values: Objective name -> what it is worth at the rung; its validation loss where that alone is judged.
        duration_s: Wall time of its segments so far, waiting left out.
    """

    label: str
    rung: int
    rungs: int
    values: Mapping[str, float]
    duration_s: float


@dataclass(frozen=True, slots=True)
class TrialEnd:
    """How a trial or baseline ended.

    Attributes:
        label: As in `TrialLine`.
        ending: See `Ending`.
        reason: One line for a person.
        metrics: Everything measured, by name; a metric that was not measured is absent.
        duration_s: Wall time; of a trial with several segments theirs, waiting left out.
        rung: Index of the rung that it was cut at, 0 the lowest; None for every other ending.
    """

    label: str
    ending: Ending
    reason: str
    metrics: Mapping[str, float]
    duration_s: float
    rung: int | None = None


@dataclass(frozen=True, slots=True)
class ResultRow:
    """One row of the final table.

    Attributes:
        label: As in `TrialLine`.
        kind: Baselines stand beside the trials, never on their front.
        params: The settings worth showing; empty for a baseline.
        values: Objective name -> figure; None or no entry where it was not measured.
        on_front: Not dominated by another trial.
        is_knee: The one point of the front that is suggested.
        ending: How it ended.
        reason: One line for a person.
        rung: Index of the rung that it was cut at, 0 the lowest; None for every other ending.
    """

    label: str
    kind: RunKind
    params: Mapping[str, Any]
    values: Mapping[str, Measured | None]
    on_front: bool = False
    is_knee: bool = False
    ending: Ending = Ending.COMPLETED
    reason: str = ""
    rung: int | None = None


@dataclass(frozen=True, slots=True)
class SweepSummary:
    """How the sweep ended.

    Attributes:
        rows: Every trial and baseline.
        objectives: In column order.
        duration_s: Wall time of this run of the sweep.
        ui_command: What to type to see more.
        promotion: How the promotion went; None when none was asked for.
    """

    rows: tuple[ResultRow, ...]
    objectives: tuple[Objective, ...]
    duration_s: float
    ui_command: str
    promotion: Promotion | None = None


class SweepView(Protocol):
    """Shows a sweep. Calls come from one thread, in the order of the sweep; a context manager that closes itself."""

    def sweep_started(self, header: SweepHeader) -> None:
        """The sweep begins (or is taken up again)."""

    def message(self, text: str) -> None:
        """One line for a person, e.g. that the model is being converted."""

    def trial_started(self, trial: TrialLine) -> None:
        """A trial or baseline begins, or a paused trial goes on."""

    def trial_progress(self, progress: TrialProgress) -> None:
        """A running trial moved on."""

    def trial_paused(self, paused: TrialPaused) -> None:
        """A trial reached a rung and waits. Also told for those that wait when a sweep is taken up again."""

    def trial_ended(self, end: TrialEnd) -> None:
        """A trial ended; also told for one that was refused before it started, and for one that was paused."""

    def sweep_ended(self, summary: SweepSummary) -> None:
        """The sweep is over; shows the final table."""

    def close(self) -> None:
        """Give the screen back. May be called twice."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
