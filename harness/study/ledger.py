"""One study as the sweep sees it: ask, tell, take up again, and read back.

What a state means: COMPLETE is a full measurement; PRUNED is a configuration ruled out (memory, divergence, time), with
its constraint, because Optuna's samplers read PRUNED trials and ignore FAIL; FAIL is broken infrastructure or an interruption.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.trial import TrialState

from harness.config.sweep_config import SweepConfig
from harness.core.outcome import Ending, Outcome
from harness.study.sampling import build_sampler, distributions

_STATES = {
    Ending.COMPLETED: TrialState.COMPLETE,
    Ending.PRUNED_MEMORY: TrialState.PRUNED,
    Ending.PRUNED_UNSTABLE: TrialState.PRUNED,
    Ending.PRUNED_TIMEOUT: TrialState.PRUNED,
    Ending.FAILED: TrialState.FAIL,
    Ending.INTERRUPTED: TrialState.FAIL,
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A proposal.

    Attributes:
        number: Optuna's trial number.
        proposal: Searched parameter -> value.
        replicate: 0, or k for the k-th repetition of trial 0 with another seed.
        retry_of: The trial this one takes up again, or None.
        attempt: 0 for the first.
    """

    number: int
    proposal: Mapping[str, Any]
    replicate: int
    retry_of: int | None
    attempt: int


@dataclass(frozen=True, slots=True)
class Told:
    """A trial that has ended, read back."""

    number: int
    proposal: Mapping[str, Any]
    values: tuple[float, ...] | None
    ending: Ending
    reason: str
    metrics: Mapping[str, float]
    run_id: str | None
    duration_s: float
    retried: bool
    admission: Mapping[str, Any] | None = None
    """What the memory guard decided before it started, as attached under ``admission``."""


class Ledger:
    """One Optuna study."""

    def __init__(self, study: optuna.Study) -> None:
        self._study = study
        self._asked: dict[int, optuna.Trial] = {}

    @property
    def name(self) -> str:
        """The study's name."""
        return self._study.study_name

    @property
    def identity(self) -> str:
        """`SweepConfig.identity` of the file the study was created from."""
        return str(self._study.user_attrs.get("identity", ""))

    def config(self) -> SweepConfig:
        """The resolved file the study was created from; store addresses come back without their passwords."""
        return SweepConfig.model_validate_json(self._study.user_attrs["config"])

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
        for other in self._study._storage.get_all_studies():
            attrs = other.user_attrs
            if other.study_name != self.name and attrs.get(key) == value and attrs.get(wanted):
                return other.study_name, attrs[wanted]
        return None

    def ask(self, config: SweepConfig) -> Asked:
        """The next proposal: what is queued first, then the sampler's."""
        # Queued trials exist before they are asked for: counting them would give several proposals the same seed.
        so_far = sum(trial.state is not TrialState.WAITING for trial in self._study.get_trials(deepcopy=False))
        self._study.sampler = build_sampler(config.study.sampler, config.study.seed, so_far)
        trial = self._study.ask(distributions(config.space))
        self._asked[trial.number] = trial
        attrs = trial.user_attrs
        return Asked(trial.number, dict(trial.params), attrs.get("replicate", 0), attrs.get("retry_of"), attrs.get("attempt", 0))

    def attach(self, number: int, key: str, value: Any) -> None:
        """Keep a fact with a running trial."""
        self._asked[number].set_user_attr(key, value)

    def tell(self, asked: Asked, outcome: Outcome, objectives: Sequence[str], *, retry: bool = False) -> None:
        """Record a trial's end; `retry` queues the same settings again.

        Raises:
            KeyError: if a completed outcome lacks an objective's metric.
        """
        trial = self._asked.pop(asked.number)
        record = {"ending": outcome.ending.value, "reason": outcome.reason, "metrics": dict(outcome.metrics), "retried": retry}
        trial.set_user_attr("outcome", json.dumps(record))
        for key, value in outcome.constraints().items():
            trial.set_constraint(key, value)
        state = _STATES[outcome.ending]
        values = [outcome.metrics[name] for name in objectives] if state is TrialState.COMPLETE else None
        if retry:
            self._requeue(asked)
        self._study.tell(trial, values, state=state)

    def _requeue(self, asked: Asked) -> None:
        attrs = {"replicate": asked.replicate, "retry_of": asked.number, "attempt": asked.attempt + 1}
        self._study.enqueue_trial(dict(asked.proposal), user_attrs=attrs)

    def recover(self) -> tuple[int, ...]:
        """Close what a killed sweep left RUNNING, and queue the same settings again. The caller holds the study's lock.

        Returns:
            The numbers of the trials that were closed as interrupted.
        """
        left = self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        for frozen in left:
            record = {"ending": Ending.INTERRUPTED.value, "reason": "the sweep process died", "metrics": {}, "retried": True}
            storage, identifier = self._study._storage, frozen._trial_id
            storage.set_trial_user_attr(identifier, "outcome", json.dumps(record))
            attrs = frozen.user_attrs
            self._requeue(Asked(frozen.number, frozen.params, attrs.get("replicate", 0), None, attrs.get("attempt", 0)))
            self._study.tell(frozen.number, state=TrialState.FAIL)
        return tuple(frozen.number for frozen in left)

    def told(self) -> tuple[Told, ...]:
        """Every ended trial, in order."""
        states = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)
        return tuple(_told(frozen) for frozen in self._study.get_trials(deepcopy=False, states=states))

    def remaining(self, n_trials: int) -> int:
        """How many trials the file still asks for; attempts that were queued again do not count."""
        return max(0, n_trials - sum(not told.retried for told in self.told()))


def _told(frozen: optuna.trial.FrozenTrial) -> Told:
    record = json.loads(frozen.user_attrs.get("outcome", '{"ending": "interrupted", "reason": "unknown", "metrics": {}}'))
    values = tuple(frozen.values) if frozen.state is TrialState.COMPLETE and frozen.values else None
    seconds = frozen.duration.total_seconds() if frozen.duration else 0.0
    return Told(
        frozen.number,
        frozen.params,
        values,
        Ending(record["ending"]),
        record["reason"],
        record["metrics"],
        frozen.user_attrs.get("run_id"),
        seconds,
        record.get("retried", False),
        frozen.user_attrs.get("admission"),
    )
