"""Two ways to run the same sweep: as Optuna alone would, and with the guard's estimate, learning and admission.

Both use Optuna's TPE with the same seed, try the same settings first, and count what they launch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import optuna
from admission_problem import Problem, Settings
from optuna.trial import TrialState

from harness.core.admission import Admit, Reject, admit
from harness.core.calibration import Observation, learn
from harness.core.pareto import hypervolume
from harness.core.reliability import Decision, Reliability, reliability

_DEVICE, _MODEL = "simulated", "simulated"


@dataclass(frozen=True, slots=True)
class Way:
    """How the guarded loop behaves.

    Attributes:
        budget_share: Of the card.
        coverage: What the learned correction is asked to cover.
        on_risk: ``prune`` or ``adapt``.
        tell_refused: ``pruned`` with the constraint, or ``fail`` as a loop does that knows no better.
        stop_at: ``launches`` or ``proposals``: what the limit counts.
    """

    budget_share: float
    coverage: float = 0.95
    on_risk: str = "prune"
    tell_refused: str = "pruned"
    stop_at: str = "launches"


@dataclass(slots=True)
class Tally:
    """What a loop has done.

    Attributes:
        refused: For each proposal whether it was refused.
        exhausted: For each launch whether it needed more than the card has.
        over_budget: For each launch whether it outgrew its budget.
        used_shares: Of each launch that ended well, its peak as a share of the budget.
        values: Of each launch, its quality; None where it did not end well.
        adapted: Launches with other settings than proposed.
        reliability: As a sweep reports it; None for the plain loop.
    """

    refused: list[bool] = field(default_factory=list)
    exhausted: list[bool] = field(default_factory=list)
    over_budget: list[bool] = field(default_factory=list)
    used_shares: list[float] = field(default_factory=list)
    values: list[tuple[float, ...] | None] = field(default_factory=list)
    adapted: int = 0
    reliability: Reliability | None = None

    def best(self, launches: int) -> float | None:
        """The best first value among the first launches."""
        return max((found[0] for found in self.values[:launches] if found is not None), default=None)

    def volume(self, problem: Problem, launches: int) -> float:
        """Hypervolume of the first launches."""
        points = [found for found in self.values[:launches] if found is not None]
        return hypervolume(points, problem.directions, problem.reference)

    def launched(self, problem: Problem, peak: int, budget: int, value: tuple[float, ...]) -> bool:
        """Count a launch; whether it ended well."""
        ended_well = peak <= budget
        self.exhausted.append(peak > problem.capacity_bytes)
        self.over_budget.append(not ended_well)
        self.values.append(value if ended_well else None)
        if ended_well:
            self.used_shares.append(peak / budget)
        return ended_well


def run_plain(problem: Problem, seed: int, launches: int) -> Tally:
    """Every proposal is launched; running out of memory is told as FAIL, as an exception in an objective is."""
    study, tally = _study(problem, seed), Tally()
    for number in range(launches):
        trial = study.ask(dict(problem.distributions))
        tally.refused.append(False)
        value = problem.quality(trial.params)
        peak = problem.truth(problem.settings(trial.params), number)
        if tally.launched(problem, peak, problem.capacity_bytes, value):
            study.tell(trial, value)
        else:
            study.tell(trial, state=TrialState.FAIL)
    return tally


def run_guarded(problem: Problem, seed: int, limit: int, way: Way) -> Tally:
    """Estimate, correct by what was learned, admit or refuse; a refused proposal is told as `way` says."""
    study, tally, loop = _study(problem, seed), Tally(), _Guarded(problem, way)
    while _count(tally, way) < limit and len(tally.refused) < 4 * limit:
        trial = study.ask(dict(problem.distributions))
        settings, verdict = loop.judge(problem.settings(trial.params), tally)
        if isinstance(verdict, Reject):
            _tell_refused(study, trial, verdict.constraint, way)
            continue
        value = problem.quality(trial.params)
        peak = problem.truth(settings, len(tally.values))
        ended_well = tally.launched(problem, peak, loop.budget.bytes, value)
        loop.observe(settings, peak, ended_well=ended_well)
        trial.set_constraint("memory", peak / loop.budget.bytes - 1)
        if ended_well:
            study.tell(trial, value)
        else:
            study.tell(trial, state=TrialState.PRUNED)
    tally.reliability = reliability(loop.decisions, loop.observations)
    return tally


class _Guarded:
    """What the guarded loop knows."""

    def __init__(self, problem: Problem, way: Way) -> None:
        self._problem, self._way = problem, way
        self.budget = problem.budget(way.budget_share)
        self.observations: list[Observation] = []
        self.decisions: list[Decision] = []

    def judge(self, settings: Settings, tally: Tally) -> tuple[Settings, Admit | Reject]:
        """The settings to launch, and whether to."""
        verdict = self._verdict(settings)
        if isinstance(verdict, Reject) and self._way.on_risk == "adapt" and self._problem.adapt is not None:
            found = self._problem.adapt(settings, self._verdict)
            if not isinstance(found, Reject):
                tally.adapted += 1
                settings, verdict = found.workload, Admit(found.headroom_bytes, found.constraint)
        tally.refused.append(isinstance(verdict, Reject))
        self._decide(settings, verdict, out_of_memory=False)
        return settings, verdict

    def observe(self, settings: Settings, peak: int, *, ended_well: bool) -> None:
        """Learn from a launch: its peak, or that it needed more than the budget at which it was killed."""
        predicted = self._problem.estimate(settings).total_bytes
        seen = peak if ended_well else self.budget.bytes
        group = self._problem.group(settings)
        self.observations.append(Observation(_DEVICE, _MODEL, group, predicted, seen, censored=not ended_well))
        if not ended_well:
            self.decisions.pop()
            self._decide(settings, Admit(0, 0.0), out_of_memory=True)

    def _verdict(self, settings: Settings) -> Admit | Reject:
        correction = learn(self.observations, _DEVICE, _MODEL, self._problem.group(settings), self._way.coverage)
        return admit(correction.applied(self._problem.estimate(settings)), self.budget)

    def _decide(self, settings: Settings, verdict: Admit | Reject, *, out_of_memory: bool) -> None:
        estimate = self._problem.estimate(settings).total_bytes
        predicted = round((1 + verdict.constraint) * self.budget.bytes)
        admitted, group = isinstance(verdict, Admit), self._problem.group(settings)
        self.decisions.append(Decision(admitted, predicted, estimate, self.budget.bytes, out_of_memory, _DEVICE, _MODEL, group))


def _study(problem: Problem, seed: int) -> optuna.Study:
    study = optuna.create_study(directions=list(problem.directions), sampler=optuna.samplers.TPESampler(seed=seed))
    study.enqueue_trial(dict(problem.first))
    return study


def _count(tally: Tally, way: Way) -> int:
    return len(tally.values if way.stop_at == "launches" else tally.refused)


def _tell_refused(study: optuna.Study, trial: optuna.Trial, constraint: float, way: Way) -> None:
    if way.tell_refused == "fail":
        study.tell(trial, state=TrialState.FAIL)
        return
    trial.set_constraint("memory", constraint)
    study.tell(trial, state=TrialState.PRUNED)


def halves(refused: Sequence[bool], proposals: int) -> tuple[float, float]:
    """Refused per 100 proposals, of the first and of the second half of the first `proposals`."""
    middle = proposals // 2
    first, second = refused[:middle], refused[middle:proposals]
    return 100 * sum(first) / max(1, len(first)), 100 * sum(second) / max(1, len(second))
