"""One study as the sweep sees it: ask, reach rungs, decide, tell, and read back. Everything is written before it is acted on.

What a state means: RUNNING is a trial under way or paused at a rung; COMPLETE is a full measurement; PRUNED is a
configuration ruled out (memory, divergence, time, clearly worse at a rung), with its constraint; FAIL is broken
infrastructure, or a trial that a person stopped. Nothing is kept in this process alone: another one reads the same.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from harness.config.sweep_config import SweepConfig
from harness.core.errors import HarnessError
from harness.core.outcome import Ending, Outcome
from harness.core.rungs import RungScore
from harness.study import trial_record as record
from harness.study.history import Past, PastState
from harness.study.places import value_at
from harness.study.trial_record import Asked, OpenTrial, Told

__all__ = ["Asked", "Ledger", "OpenTrial", "Told"]

Propose = Callable[[Sequence[Past]], Mapping[str, Any] | None]
"""From the history to settings; None when there are no more to try."""

_STATES = {
    Ending.COMPLETED: TrialState.COMPLETE,
    Ending.PRUNED_MEMORY: TrialState.PRUNED,
    Ending.PRUNED_UNSTABLE: TrialState.PRUNED,
    Ending.PRUNED_TIMEOUT: TrialState.PRUNED,
    Ending.PRUNED_RUNG: TrialState.PRUNED,
    Ending.FAILED: TrialState.FAIL,
    Ending.STOPPED: TrialState.FAIL,
    Ending.INTERRUPTED: TrialState.FAIL,
}


class Ledger:
    """One Optuna study."""

    def __init__(self, study: Study) -> None:
        self._study = study
        self._scores: dict[int, tuple[RungScore, ...]] = {}  # of ended trials: they do not change any more

    @property
    def name(self) -> str:
        """The study's name."""
        return self._study.study_name

    @property
    def identity(self) -> str:
        """`SweepConfig.identity` of the file the study was created from."""
        return str(self._study.user_attrs.get("identity", ""))

    @property
    def storage(self) -> optuna.storages.BaseStorage:
        """Where the study is kept."""
        return self._study._storage

    def config(self) -> SweepConfig:
        """The resolved file the study was created from; store addresses come back without their passwords.

        Raises:
            HarnessError: BAD_INPUT where the sweep died while it created the study, or Optuna alone created it.
        """
        kept = self.noted("config")
        if kept is None:
            raise HarnessError(
                f"study {self.name!r} has no settings",
                why="the sweep that created it died before it had written them down",
                fix="run `harness sweep FILE` again; it makes the rest",
            )
        return SweepConfig.model_validate_json(kept)

    def renew(self, config: SweepConfig) -> None:
        """Take over from a file what may change once its study has begun: how it is promoted from."""
        kept = self.config()
        if kept.promotion != config.promotion:
            self.note("config", kept.model_copy(update={"promotion": config.promotion}).to_json())

    def note(self, key: str, value: Any) -> None:
        """Keep a JSON-ready fact with the study (baselines, run ids, what was promoted)."""
        self._study.set_user_attr(key, value)

    def noted(self, key: str) -> Any:
        """A fact kept with `note`, or None."""
        return self._study.user_attrs.get(key)

    def noted_elsewhere(self, key: str, value: str, wanted: str) -> tuple[str, Any] | None:
        """What another study of this store has noted under `wanted`, if it notes `value` under `key`.

        Returns:
            That study's name and the fact; None where there is no such study.
        """
        for other in self.storage.get_all_studies():
            attrs = other.user_attrs
            if other.study_name != self.name and attrs.get(key) == value and attrs.get(wanted):
                return other.study_name, attrs[wanted]
        return None

    def ask(self, space: Mapping[str, BaseDistribution], propose: Propose) -> Asked | None:
        """The next proposal: what is queued first, then what is proposed.

        Args:
            space: Searched parameter -> its distribution.
            propose: From the history to settings; None when there are no more to try. Asked only where queued settings
                leave something open.

        Returns:
            The proposal, RUNNING in the study; None when nothing is queued and nothing proposed.
        """
        for waiting in self._trials(TrialState.WAITING):
            if self.storage.set_trial_state_values(waiting._trial_id, TrialState.RUNNING):  # else another process was faster
                return self.fill(waiting.number, space, propose)
        history = self.history()
        proposed = propose(history)
        if proposed is None:
            return None
        params = _whole(space, proposed, len(history))
        trial = optuna.trial.create_trial(state=TrialState.RUNNING, params=params, distributions=dict(space))
        identifier = self.storage.create_new_trial(self._study._study_id, trial)  # at once: no trial has half of its settings
        return Asked(self.storage.get_trial_number_from_id(identifier), params, 0)

    def fill(self, number: int, space: Mapping[str, BaseDistribution], propose: Propose) -> Asked:
        """Give a trial that was queued all of its settings; repeated after a crash it does the rest.

        Args:
            number: A RUNNING trial.
            space: Searched parameter -> its distribution.
            propose: As for `ask`.
        """
        identifier = self._identifier(number)
        trial = self.storage.get_trial(identifier)
        given = trial.system_attrs.get("fixed_params", {})
        others = tuple(past for past in self.history() if past.number != number)
        proposed = propose(others) or {} if space.keys() - given.keys() else {}
        params = _whole(space, {**proposed, **given}, len(others))
        for name in params.keys() - trial.params.keys():
            self.storage.set_trial_param(identifier, name, space[name].to_internal_repr(params[name]), space[name])
        return Asked(number, params, trial.user_attrs.get(record.REPLICATE, 0))

    def enqueue(self, proposal: Mapping[str, Any]) -> None:
        """Queue settings, partial ones too; they are asked for before anything is proposed."""
        self._study.enqueue_trial(dict(proposal))

    def attach(self, number: int, key: str, value: Any) -> None:
        """Keep a JSON-ready fact with a trial that has not ended."""
        self.storage.set_trial_user_attr(self._identifier(number), key, value)

    def begin_segment(self, number: int, rung: int) -> None:
        """Write down that a trial is being carried to a rung."""
        self.attach(number, record.SEGMENT, rung)

    def reach(self, score: RungScore, metrics: Mapping[str, float], constraints: Mapping[str, float] | None = None) -> None:
        """Write down what a trial is worth at a rung; it is paused there until it is promoted, cut or told.

        Args:
            score: What it is worth.
            metrics: Its scalars so far.
            constraints: What it would be told with if this were the last rung, see `Outcome.constraints`.
        """
        self.attach(score.trial, record.rung_key(score.rung), record.rung_text(score, metrics, constraints or {}))

    def decide(self, number: int, outcome: Outcome) -> None:
        """Write down how a trial has ended; `tell` makes it so. Between the two lies whatever else has to agree with it."""
        self.attach(number, record.OUTCOME, record.outcome_text(outcome))

    def tell(self, number: int, outcome: Outcome, objectives: Sequence[str]) -> None:
        """End a trial as decided. Repeating it changes nothing.

        Raises:
            KeyError: if a completed outcome lacks an objective's metric.
        """
        identifier = self._identifier(number)
        if self.storage.get_trial(identifier).state is not TrialState.RUNNING:
            return
        state = _STATES[outcome.ending]
        values = [outcome.metrics[name] for name in objectives] if state is TrialState.COMPLETE else None
        trial = optuna.Trial(self._study, identifier)
        known = trial.constraints
        for key, value in outcome.constraints().items():
            if key not in known:
                trial.set_constraint(key, value)
        self._study.tell(trial, values, state=state)

    def open_trials(self) -> tuple[OpenTrial, ...]:
        """Every trial that was asked for and has not been told, in order."""
        return tuple(record.read_open(frozen) for frozen in self._trials(TrialState.RUNNING))

    def open_trial(self, number: int) -> OpenTrial:
        """One of them.

        Raises:
            KeyError: if there is no such trial, or it has been told.
        """
        frozen = self.storage.get_trial(self._identifier(number))
        if frozen.state is not TrialState.RUNNING:
            raise KeyError(number)
        return record.read_open(frozen)

    def told(self) -> tuple[Told, ...]:
        """Every ended trial, in order."""
        return tuple(record.read_told(frozen) for frozen in record.ended(self._trials()))

    def remaining(self, n_trials: int) -> int:
        """How many more trials may be asked for."""
        return max(0, n_trials - sum(trial.state is not TrialState.WAITING for trial in self._trials()))

    def queued(self) -> int:
        """How many settings wait to be asked for."""
        return len(self._trials(TrialState.WAITING))

    def scores(self) -> tuple[RungScore, ...]:
        """Every trial's score at every rung it has reached, by number, then rung."""
        return tuple(score for trial in self._trials() for score in self._scores_of(trial))

    def rung_metrics(self) -> dict[tuple[int, int], dict[str, float]]:
        """Trial and rung -> the scalars that were kept with the score there."""
        trials = self._trials()
        return {
            (score.trial, score.rung): record.read_rung_metrics(trials[score.trial].user_attrs, score.rung)
            for trial in trials
            for score in self._scores_of(trial)
        }

    def metrics_at_rungs(self, number: int) -> dict[int, dict[str, float]]:
        """Rung -> the scalars that were kept there, of one trial, lowest first."""
        attrs = self.storage.get_trial(self._identifier(number)).user_attrs
        return {score.rung: record.read_rung_metrics(attrs, score.rung) for score in record.read_scores(number, attrs)}

    def history(self) -> tuple[Past, ...]:
        """Every trial as a proposal may learn from it, in order; queued ones are left out."""
        return tuple(self._past(trial) for trial in self._trials() if trial.state is not TrialState.WAITING)

    def _past(self, trial: FrozenTrial) -> Past:
        scores = {score.rung: score for score in self._scores_of(trial)}
        reached = [scores.get(rung) for rung in range(max(scores, default=-1) + 1)]
        rungs = tuple(score.values or None if score else None for score in reached)
        losses = tuple(score.eval_loss if score else None for score in reached)
        return Past(trial.number, trial.params, _past_state(trial), rungs, dict(trial.constraints), losses)

    def _scores_of(self, trial: FrozenTrial) -> tuple[RungScore, ...]:
        if trial.number in self._scores:
            return self._scores[trial.number]
        scores = record.read_scores(trial.number, trial.user_attrs)
        if trial.state.is_finished():
            self._scores[trial.number] = scores
        return scores

    def _trials(self, *states: TrialState) -> list[FrozenTrial]:
        return self._study.get_trials(deepcopy=False, states=states or None)

    def _identifier(self, number: int) -> int:
        return self.storage.get_trial_id_from_study_id_trial_number(self._study._study_id, number)


def _past_state(trial: FrozenTrial) -> PastState:
    if trial.state is TrialState.RUNNING:
        opened = record.read_open(trial)
        return PastState.PAUSED if opened.scores and opened.heading is None else PastState.RUNNING
    if trial.state is TrialState.COMPLETE:
        return PastState.COMPLETE
    if trial.state is TrialState.FAIL:
        return PastState.FAILED
    return PastState.CUT if record.read_told(trial).ending is Ending.PRUNED_RUNG else PastState.INFEASIBLE


def _whole(space: Mapping[str, BaseDistribution], given: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """A value for every parameter: the given ones, and the others at random."""
    draw = random.Random(seed)  # noqa: S311
    return {name: given[name] if name in given else value_at(axis, draw.random()) for name, axis in space.items()}
