"""What the study keeps about one trial beside its settings: user attributes as text, and the values they stand for.

Owns the names and formats of the attributes. When they are written is `harness.study.ledger`'s.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from harness.core.outcome import Ending, Outcome
from harness.core.rungs import RungScore

RUN_ID = "run_id"  # the trial's MLflow run
ADMISSION = "admission"  # what the memory guard decided
REPLICATE = "replicate"
SEGMENT = "segment"  # rung that the trial is being carried to
ATTEMPT = "attempt"  # segments of it that ended without a result
CALMED = "calmed"  # in the admission: steps of `on_unstable: calm` taken
OUTCOME = "outcome"  # written before the trial is told
_RUNG = "rung:"

_ENDED = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)


@dataclass(frozen=True, slots=True)
class Asked:
    """A proposal.

    Attributes:
        number: Optuna's trial number.
        proposal: Searched parameter -> value.
        replicate: 0, or k for the k-th repetition of trial 0 with another seed.
    """

    number: int
    proposal: Mapping[str, Any]
    replicate: int


@dataclass(frozen=True, slots=True)
class OpenTrial:
    """A trial that was asked for and has not been told: under way, paused at a rung, or left by a process that died.

    Attributes:
        asked: The proposal.
        run_id: Its MLflow run, once there is one.
        admission: What the memory guard decided, once it has.
        heading: Rung that its segment leads to; None before the first segment, and while it is paused.
        scores: What it was worth at the rungs it has reached, lowest first.
        metrics: Its latest scalars.
        constraints: What it would be told with at the rung it has reached, see `Outcome.constraints`.
        attempt: Segments of it that ended without a result.
        calmed: How often it was started anew with calmer settings.
        decided: How it has ended, when that is written down but not told yet.
    """

    asked: Asked
    run_id: str | None = None
    admission: Mapping[str, Any] | None = None
    heading: int | None = None
    scores: tuple[RungScore, ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)
    constraints: Mapping[str, float] = field(default_factory=dict)
    attempt: int = 0
    calmed: int = 0
    decided: Outcome | None = None

    @property
    def reached(self) -> int:
        """Index of the highest rung it has reached; -1 before the first."""
        return self.scores[-1].rung if self.scores else -1


@dataclass(frozen=True, slots=True)
class Told:
    """A trial that has ended, read back.

    Attributes:
        number: Optuna's trial number.
        proposal: Searched parameter -> value.
        values: In the order of the objectives; None unless it completed.
        ending: How it ended.
        reason: One line for a person.
        metrics: Every scalar known at the end.
        run_id: Its MLflow run.
        duration_s: Wall seconds from ask to tell, pauses included.
        admission: What the memory guard decided before it started.
        rung: Index of the highest rung it was scored at; -1 for none.
        ended_at: Seconds since the epoch; None where the study does not say.
    """

    number: int
    proposal: Mapping[str, Any]
    values: tuple[float, ...] | None
    ending: Ending
    reason: str
    metrics: Mapping[str, float]
    run_id: str | None
    duration_s: float
    admission: Mapping[str, Any] | None = None
    rung: int = -1
    ended_at: float | None = None


def rung_key(rung: int) -> str:
    """The attribute that holds what a trial was worth at a rung."""
    return f"{_RUNG}{rung}"


def rung_text(score: RungScore, metrics: Mapping[str, float], constraints: Mapping[str, float]) -> str:
    """A rung's score as kept; per-function values to four digits."""
    rows = [[None if value is None else round(value, 4) for value in row] for row in score.per_function]
    kept = {"values": list(score.values), "per_function": rows, "eval_loss": score.eval_loss, "metrics": dict(metrics)}
    return json.dumps({**kept, "constraints": dict(constraints)}, separators=(",", ":"))


def read_scores(number: int, attrs: Mapping[str, Any]) -> tuple[RungScore, ...]:
    """What a trial was worth at the rungs it has reached, lowest first."""
    rungs = sorted(int(key.removeprefix(_RUNG)) for key in attrs if key.startswith(_RUNG))
    return tuple(_score(number, rung, json.loads(attrs[rung_key(rung)])) for rung in rungs)


def read_rung_metrics(attrs: Mapping[str, Any], rung: int) -> dict[str, float]:
    """The scalars kept with the score at a rung; empty where there is none."""
    return dict(json.loads(attrs[rung_key(rung)])["metrics"]) if rung_key(rung) in attrs else {}


def _score(number: int, rung: int, kept: Mapping[str, Any]) -> RungScore:
    rows = tuple(tuple(row) for row in kept["per_function"])
    return RungScore(number, rung, tuple(kept["values"]), rows, kept["eval_loss"])


def outcome_text(outcome: Outcome) -> str:
    """An outcome as kept."""
    kept = {"ending": outcome.ending.value, "reason": outcome.reason, "metrics": dict(outcome.metrics)}
    return json.dumps({**kept, "constraints": outcome.constraints()})


def read_outcome(text: str) -> Outcome:
    """Inverse of `outcome_text`."""
    kept = json.loads(text)
    return ended_as(Ending(kept["ending"]), kept["reason"], kept["metrics"], kept["constraints"])


def ended_as(ending: Ending, reason: str, metrics: Mapping[str, float], constraints: Mapping[str, float]) -> Outcome:
    """An outcome from its parts; constraints under the names of `Outcome.constraints`."""
    return Outcome(ending, reason, metrics, **{f"{key}_constraint": value for key, value in constraints.items()})


def read_open(frozen: FrozenTrial) -> OpenTrial:
    """A RUNNING trial."""
    attrs = frozen.user_attrs
    scores = read_scores(frozen.number, attrs)
    heading = attrs.get(SEGMENT)
    latest = json.loads(attrs[rung_key(scores[-1].rung)]) if scores else {}
    admission = attrs.get(ADMISSION)
    return OpenTrial(
        Asked(frozen.number, dict(frozen.params), attrs.get(REPLICATE, 0)),
        attrs.get(RUN_ID),
        admission,
        heading if heading is not None and (not scores or heading > scores[-1].rung) else None,
        scores,
        latest.get("metrics", {}),
        latest.get("constraints", {}),
        attrs.get(ATTEMPT, 0),
        (admission or {}).get(CALMED, 0),
        read_outcome(attrs[OUTCOME]) if OUTCOME in attrs else None,
    )


def read_told(frozen: FrozenTrial) -> Told:
    """An ended trial; one that was ended by somebody else's hand says so."""
    attrs = frozen.user_attrs
    unknown = Outcome(Ending.FAILED, "it was ended by another program")
    outcome = read_outcome(attrs[OUTCOME]) if OUTCOME in attrs else unknown
    return Told(
        frozen.number,
        frozen.params,
        tuple(frozen.values) if frozen.state is TrialState.COMPLETE and frozen.values else None,
        outcome.ending,
        outcome.reason,
        outcome.metrics,
        attrs.get(RUN_ID),
        frozen.duration.total_seconds() if frozen.duration else 0.0,
        attrs.get(ADMISSION),
        max((int(key.removeprefix(_RUNG)) for key in attrs if key.startswith(_RUNG)), default=-1),
        frozen.datetime_complete.timestamp() if frozen.datetime_complete else None,
    )


def ended(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Those that have ended."""
    return [trial for trial in trials if trial.state in _ENDED]
