"""A study in memory that says to an Optuna sampler what the trials teach, built anew for every proposal.

Owns that translation: values at the full rung as COMPLETE, violated constraints as each sampler can read them, work under
way as RUNNING. What is taught is `harness.study.rung_model`'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from statistics import median
from typing import Any, Self

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, NSGAIISampler
from optuna.trial import FrozenTrial, TrialState

from harness.core.pareto import Direction
from harness.study.places import holds
from harness.study.rung_model import Lesson

_FIRST_GENERATION = {f"{NSGAIISampler.__name__}:generation": 0}
"""NSGA-II breeds from the generations before: with all trials in one, from the best of all so far, in whatever order they end."""
_SOME_DAY = datetime(2000, 1, 1, tzinfo=UTC)
"""Optuna wants a time; nothing reads it."""


class _Handed(FrozenTrial):
    """A trial that goes into the study as it is: copies of a whole history cost more than the proposal itself."""

    def __init__(
        self,
        state: TrialState,
        values: Sequence[float] | None,
        params: dict[str, Any],
        distributions: dict[str, BaseDistribution],
        constraints: Mapping[str, float],
    ) -> None:
        ended = _SOME_DAY if state.is_finished() else None
        attrs: dict[str, Any] = dict(_FIRST_GENERATION)
        super().__init__(-1, state, None, _SOME_DAY, ended, params, distributions, {}, attrs, {}, -1, values=values)
        for key, value in constraints.items():
            self.set_constraint(key, value)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self


def ask_sampler(
    sampler: BaseSampler,
    distributions: Mapping[str, BaseDistribution],
    directions: Sequence[Direction],
    told: Sequence[Lesson],
) -> dict[str, Any]:
    """One proposal of an Optuna sampler that has seen these lessons."""
    study = optuna.create_study(directions=list(directions), sampler=sampler)
    study.add_trials(as_trials(told, distributions, isinstance(sampler, optuna.samplers.TPESampler)))
    return dict(study.ask(dict(distributions)).params)


def as_trials(told: Sequence[Lesson], distributions: Mapping[str, BaseDistribution], pruned: bool) -> list[FrozenTrial]:
    """Lessons as Optuna's trials.

    Args:
        told: What was learned.
        distributions: The space; settings that do not lie in it as a whole teach nothing, for a model of several parameters
            at once needs all of them.
        pruned: Whether what was ruled out becomes PRUNED, which TPE learns from; GP and NSGA-II read COMPLETE trials only,
            so there it becomes COMPLETE with middling values and the violated constraint.
    """
    keys = sorted({key for lesson in told for key in lesson.constraints}) if any(not lesson.feasible for lesson in told) else []
    middle = _middle(told)
    trials: list[FrozenTrial] = []
    for lesson in told:
        params = _inside(lesson.params, distributions)
        state, values = _state(lesson, pruned, middle)
        if params is None or state is None:
            continue
        constraints = {key: lesson.constraints.get(key, 0.0) for key in keys} if state is not TrialState.RUNNING else {}
        trials.append(_Handed(state, values, params, dict(distributions), constraints))
    return trials


def _inside(params: Mapping[str, Any], distributions: Mapping[str, BaseDistribution]) -> dict[str, Any] | None:
    """The searched part of some settings; None where it is not whole, or not in the space."""
    if not all(name in params and holds(axis, params[name]) for name, axis in distributions.items()):
        return None
    return {name: params[name] for name in distributions}


def _middle(told: Sequence[Lesson]) -> tuple[float, ...] | None:
    known = [lesson.values for lesson in told if lesson.values is not None]
    return tuple(median(column) for column in zip(*known, strict=True)) if known else None


def _state(lesson: Lesson, pruned: bool, middle: tuple[float, ...] | None) -> tuple[TrialState | None, tuple[float, ...] | None]:
    if lesson.running:
        return TrialState.RUNNING, None
    if lesson.feasible:
        return (TrialState.COMPLETE, lesson.values) if lesson.values is not None else (None, None)
    if pruned:
        return TrialState.PRUNED, None
    values = lesson.values or middle
    return (TrialState.COMPLETE, values) if values is not None else (None, None)
