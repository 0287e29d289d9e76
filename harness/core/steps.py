"""The rules of incremental training: which step is next, and with what settings it goes on from the adapter before it.

Owns values and rules. Files, stores and batches are `harness.sweep.steps` and `harness.data.batches`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

ADAPTERS_OWN = ("r", "lora_alpha", "target_modules", "use_rslora", "lora_dropout")
"""What PEFT takes from the adapter's own config when it is trained further: a step that goes on from it cannot choose them."""

COMPARED = ("model", "generation", "evaluation")
"""Sections of a sweep file that have to stay as they are for scores of two steps to be comparable."""

START_RATE = 0.5
"""Share of the chosen learning rate that the next step starts from."""

LEAST_RATE = 0.125
"""Share of the file's learning rates below which no step goes: halved every week, a year of batches would end at 1e-16."""

_SPREAD = 2.0  # of the range a learning rate is searched in where nothing else is left to search


@dataclass(frozen=True, slots=True)
class Pinned:
    """The hold-out, as it was when it was first used.

    Attributes:
        digests: Split name -> sha256 over its records, hex.
        counts: Split name -> number of functions.
        origin: Where they come from.
    """

    digests: Mapping[str, str]
    counts: Mapping[str, int]
    origin: str

    @property
    def digest(self) -> str:
        """sha256 over all splits, hex."""
        return hashlib.sha256(json.dumps(dict(self.digests), sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class BatchSeen:
    """A batch as it was when a step was trained on it: file name -> sha256 of its bytes, hex."""

    name: str
    files: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class StepResult:
    """What a finished step came to.

    Attributes:
        trial: Number of the chosen trial in the step's study.
        adapter: Its folder; relative to `tracking.folder` where it lies below.
        adapter_sha256: Of its weights file, hex.
        settings: The trial's effective settings.
        metrics: Its validation metrics, ``NAME``, ``NAME_low`` and ``NAME_high``.
        base: The same of the untuned base, zero-shot, where it was measured.
        run_id: The trial's MLflow run.
    """

    trial: int
    adapter: str
    adapter_sha256: str
    settings: Mapping[str, Any]
    metrics: Mapping[str, float]
    base: Mapping[str, float] = field(default_factory=dict)
    run_id: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One step: trained on the batches up to `number`.

    Attributes:
        number: 0, 1, ...
        study: Its study.
        manifest: sha256 of the manifest of its data, hex.
        trained_on: Functions of its training set.
        new: How many of them came with its own batch.
        start_from: ``adapter`` or ``scratch``; the first step is always from scratch.
        rate: Learning rates of this step as a share of the file's.
        sections: Section of the sweep file that scores depend on -> sha256 of it, hex; see `COMPARED`.
        result: None while it is under way.
    """

    number: int
    study: str
    manifest: str
    trained_on: int
    new: int
    start_from: str
    rate: float
    sections: Mapping[str, str]
    result: StepResult | None = None


@dataclass(frozen=True, slots=True)
class StepsState:
    """Everything that is remembered from one step to the next.

    Attributes:
        name: What the steps' studies are named after.
        holdout: The pinned hold-out.
        batches: Those that a step was started on, by number.
        steps: In order; only the last may lack a result.
        tracking_run: MLflow run that shows all steps.
    """

    name: str
    holdout: Pinned
    batches: tuple[BatchSeen, ...] = ()
    steps: tuple[Step, ...] = ()
    tracking_run: str | None = None

    @property
    def finished(self) -> tuple[Step, ...]:
        """The steps that have a result."""
        return tuple(step for step in self.steps if step.result is not None)

    def started(self, step: Step, batches: tuple[BatchSeen, ...]) -> StepsState:
        """With a step under way in place of whatever was known of it."""
        return replace(self, steps=(*self.steps[: step.number], step), batches=batches)

    def ended(self, number: int, result: StepResult) -> StepsState:
        """With a step's result."""
        return self.started(replace(self.steps[number], result=result), self.batches)

    def tracked(self, run_id: str) -> StepsState:
        """With the MLflow run that shows all steps."""
        return replace(self, tracking_run=run_id)


def changed_sections(before: Step, now: Mapping[str, str]) -> tuple[str, ...]:
    """Which of `COMPARED` are not what they were in an earlier step."""
    return tuple(name for name in COMPARED if before.sections.get(name) != now.get(name))


def next_number(state: StepsState | None) -> int:
    """The step to do: the one under way, else the one after the last; 0 where there is none yet."""
    return len(state.finished) if state else 0


def study_name(name: str, number: int) -> str:
    """``NAME-step-003``."""
    return f"{name}-step-{number:03d}"


def batch_name(number: int) -> str:
    """``batch_003``."""
    return f"batch_{number:03d}"


@dataclass(frozen=True, slots=True)
class Continuation:
    """How a step's sweep file differs from the person's own.

    Attributes:
        space: The search space: parameter -> distribution.
        training: What every trial starts from.
        enqueue: What is tried right after trial 0.
        notes: What was changed, one line each for a person.
    """

    space: Mapping[str, Any]
    training: Mapping[str, Any]
    enqueue: tuple[Mapping[str, Any], ...]
    notes: tuple[str, ...]


def next_rate(before: float) -> float:
    """Learning rates of the next step as a share of the file's: half of the step before, never below `LEAST_RATE`."""
    return max(before * START_RATE, LEAST_RATE)


def continuation(file: Continuation, shape: Mapping[str, Any], chosen_rate: float, rate: float) -> Continuation:
    """Settings of a step that goes on from an adapter.

    What shapes the adapter is fixed to what it is. Trial 0 takes half of the learning rate that made the adapter; a searched
    range is scaled at both ends, so that trial 0 lies in it. Without anything left to search, the learning rate is.

    Args:
        file: The sections of the person's file, without notes.
        shape: The adapter's own values of `ADAPTERS_OWN`.
        chosen_rate: Learning rate of the trial that made the adapter.
        rate: Learning rates of this step as a share of the file's; see `next_rate`.
    """
    space = {name: axis for name, axis in file.space.items() if name not in ADAPTERS_OWN}
    gone = [name for name in file.space if name in ADAPTERS_OWN]
    floor = LEAST_RATE * float(file.training["learning_rate"])
    start = max(chosen_rate * START_RATE, min(floor, chosen_rate))
    if "learning_rate" in space:
        space["learning_rate"] = scaled(space["learning_rate"], rate)
        start = _inside(space["learning_rate"], start)
    elif not space:
        space["learning_rate"] = {"low": start / _SPREAD, "high": start * _SPREAD, "log": True}
    words = ", ".join(f"{name} {_in_words(shape[name])}" for name in ADAPTERS_OWN)
    notes = [f"the adapter's own and fixed: {words}" + (f" (not searched any more: {', '.join(gone)})" if gone else "")]
    notes.append(f"learning_rate starts at {start:.3g}, {start / chosen_rate:.3g} of what made the adapter")
    training = {**file.training, **shape, "learning_rate": start}
    return Continuation(space, training, _queued(file.enqueue, space, rate), tuple(notes))


def scaled(axis: Mapping[str, Any], share: float) -> dict[str, Any]:
    """A distribution of positive numbers, multiplied."""
    if "choices" in axis:
        return {**axis, "choices": [choice * share for choice in axis["choices"]]}
    step = axis.get("step")
    return {**axis, "low": axis["low"] * share, "high": axis["high"] * share, "step": step and step * share}


def _inside(axis: Mapping[str, Any], value: float) -> float:
    """The value of a distribution that is nearest."""
    if "choices" in axis:
        return float(min(axis["choices"], key=lambda choice: abs(choice - value)))
    return float(min(max(value, axis["low"]), axis["high"]))


def _queued(enqueue: tuple[Mapping[str, Any], ...], space: Mapping[str, Any], rate: float) -> tuple[Mapping[str, Any], ...]:
    """What the file queues, of the settings that are still searched; what comes down to trial 0 or stands twice is left out."""
    kept: list[Mapping[str, Any]] = []
    for partial in enqueue:
        left = {name: value * rate if name == "learning_rate" else value for name, value in partial.items() if name in space}
        if left and left not in kept:
            kept.append(left)
    return tuple(kept)


def _in_words(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
