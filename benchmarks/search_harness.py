"""The sweep's own search in memory: its proposals, its promotions, its cuts, in the order of `harness.sweep.conductor`.

The same functions that a sweep calls (`propose`, `standing`, `promotion`, `cuts`, `hopeless_trials`), without its stores, so that
thousands of searches take minutes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from search_problem import Problem
from search_race import Race

from harness.config.sections import Sampler
from harness.core.halving import Halving, Standing, cuts, promotion, standing
from harness.core.rungs import RungScore
from harness.core.stopping import hopeless_trials
from harness.core.worse import drift
from harness.study.history import Past, PastState
from harness.study.sampling import ProposalAsk, propose


@dataclass(frozen=True, slots=True)
class Way:
    """How the harness searches.

    Attributes:
        sampler: `study.sampler` of a sweep file.
        rule: `halving` of a sweep file.
        rungs: Whether trials are judged before they are trained whole.
        hopeless: Whether a validation loss far outside that of the others ends a trial.
        trials: `study.n_trials`: so many are begun, then those that wait in doubt go on, the best first; None for as many as
            there are configurations.
    """

    sampler: Sampler = field(default_factory=Sampler)
    rule: Halving = field(default_factory=Halving)
    rungs: bool = True
    hopeless: bool = True
    trials: int | None = None


@dataclass(slots=True)
class _Trial:
    params: dict[str, Any]
    scores: list[RungScore] = field(default_factory=list)
    state: PastState = PastState.RUNNING


class HarnessSearch:
    """One search.

    Args:
        problem: What is searched.
        way: How.
        seed: `study.seed`.
    """

    def __init__(self, problem: Problem, way: Way, seed: int) -> None:
        self._problem, self._way = problem, way
        self._ask = ProposalAsk(problem.distributions(), problem.directions, way.sampler, seed)
        self._trials: list[_Trial] = []
        self._standings: dict[int, tuple[tuple[int, int], Standing]] = {}

    def run(self, budget: float) -> Race:
        """Until the target is reached or the budget spent."""
        race = Race(self._problem, budget)
        while not race.over:
            number, rung = self._next()
            race.trials = len(self._trials)
            trial = self._trials[number]
            measured = self._problem.segment(number, trial.params, len(trial.scores) - 1 if trial.scores else None, rung)
            race.spend(measured.compute)
            if measured.score is None:
                trial.state = PastState.INFEASIBLE
                continue
            trial.scores.append(measured.score)
            if rung == self._problem.rungs.last:
                trial.state = PastState.COMPLETE
                race.finish(measured.score.values)
            else:
                trial.state = PastState.PAUSED
                self._judge(rung)
        return race

    def _next(self) -> tuple[int, int]:
        """Trial, and the rung it is trained to."""
        last = self._problem.rungs.last
        if self._way.rungs:
            spent = len(self._trials) >= (self._way.trials or self._problem.known)
            paused = [self._at(rung, PastState.PAUSED) for rung in range(last)]
            chosen = promotion([self._standing(rung) for rung in range(last)], paused, exhausted=spent)
            if chosen is not None:
                return chosen[0], chosen[1] + 1
        proposal = self._proposal()
        if proposal is None:
            raise RuntimeError("a grid cannot be raced: it ends")
        self._trials.append(_Trial(proposal))
        return len(self._trials) - 1, 0 if self._way.rungs else last

    def _proposal(self) -> dict[str, Any] | None:
        return propose(self._history(), self._ask)

    def _judge(self, rung: int) -> None:
        """Cut what the new score shows to be worse."""
        stands = self._standing(rung)
        if stands is None:
            return
        if self._way.hopeless:
            losses = {score.trial: score.eval_loss for score in self._scores(rung) if score.eval_loss is not None}
            for trial in hopeless_trials(losses, self._at(rung, PastState.PAUSED), frozenset(stands.promotable)):
                self._trials[trial].state = PastState.CUT
        for trial in cuts(stands, self._at(rung, PastState.PAUSED)):
            self._trials[trial].state = PastState.CUT

    def _at(self, rung: int, state: PastState) -> frozenset[int]:
        return frozenset(n for n, t in enumerate(self._trials) if t.state is state and len(t.scores) == rung + 1)

    def _scores(self, rung: int) -> list[RungScore]:
        return [trial.scores[rung] for trial in self._trials if len(trial.scores) > rung]

    def _standing(self, rung: int) -> Standing | None:
        scores = self._scores(rung)
        if not scores:
            return None
        whole = self._scores(self._problem.rungs.last)
        known, seen = self._standings.get(rung), (len(scores), len(whole))
        if known is None or known[0] != seen:
            found = standing(scores, self._problem.directions, self._way.rule, drift(scores, whole, self._way.rule.confidence))
            known = self._standings[rung] = (seen, found)
        return known[1]

    def _history(self) -> list[Past]:
        """As `Ledger.history` gives it."""
        return [self._past(number, trial) for number, trial in enumerate(self._trials)]

    def _past(self, number: int, trial: _Trial) -> Past:
        ruled_out = {"stability": 1.0} if trial.state is PastState.INFEASIBLE else {}
        before = () if self._way.rungs or not trial.scores else (None,) * self._problem.rungs.last
        rungs = (*before, *(score.values or None for score in trial.scores))
        return Past(number, trial.params, trial.state, rungs, ruled_out, (*before, *(score.eval_loss for score in trial.scores)))
