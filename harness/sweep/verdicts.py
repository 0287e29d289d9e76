"""What becomes of a segment that has ended: its trial waits at a rung, tries again, or is over. Study first, then MLflow.

Owns the order of writing. Whatever dies in between, `harness.sweep.recovery` finds a decision that is written down and
carries it out.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from harness.console.view import TrialEnd, TrialPaused
from harness.core.errors import ExitCode, HarnessError
from harness.core.halving import Standing, cuts
from harness.core.outcome import Ending, Outcome
from harness.core.rungs import RungScore
from harness.core.stopping import hopeless_trials
from harness.study.ledger import OpenTrial
from harness.study.trial_record import ATTEMPT, ended_as
from harness.sweep.board import Board
from harness.sweep.crew import Finished, Segment
from harness.sweep.forensics import memory_record
from harness.sweep.gate import Judged
from harness.sweep.judge import out_of_disk
from harness.sweep.left_out import left_out_sentence
from harness.sweep.segments import calmed_down, label_of
from harness.sweep.workplace import Workplace
from harness.tracking.memory import as_metrics
from harness.tracking.run_files import RunFiles

MAX_FAILURES_IN_A_ROW = 3
_BARELY = 1e-6

Standings = Callable[[], Sequence[Standing | None]]


class Verdicts:
    """Ends, pauses and retries trials.

    Args:
        work: The sweep.
        board: The open trials.
    """

    def __init__(self, work: Workplace, board: Board) -> None:
        self._work = work
        self._board = board
        self._failures = 0
        self._said: str | None = None
        self._ages: dict[int, float] = {}

    def take(self, finished: Finished, standings: Standings) -> None:
        """Deal with a segment that has ended.

        Raises:
            HarnessError: ENVIRONMENT when trials keep failing for reasons that are not their settings, STORAGE when the disk
                is full.
        """
        segment, outcome = finished.segment, finished.outcome
        if segment.number in self._board.gone:
            self._board.gone.discard(segment.number)
            self._board.broke_off(segment.number)
            return
        self._ages[segment.number] = self._ages.get(segment.number, 0.0) + finished.duration_s
        self._say_left_out(outcome.metrics)
        if out_of_disk(outcome, shutil.disk_usage(self._work.paths.folder).free):
            self._board.broke_off(segment.number)
            raise _full(outcome)
        self._failures = self._failures + 1 if outcome.ending is Ending.FAILED else 0
        if finished.score is not None:
            self._reached(segment, finished.score, outcome, standings)
        elif outcome.ending is Ending.INTERRUPTED:
            self._interrupted(segment, outcome)
        elif not self._again(segment, outcome):
            self.end(segment.number, outcome)
        if self._failures >= MAX_FAILURES_IN_A_ROW:
            raise self._keeps_failing(segment, outcome)

    def refused(self, opened: OpenTrial, outcome: Outcome, judged: Judged) -> None:
        """End a proposal that the memory guard did not let start."""
        record = memory_record(self._work, judged, outcome, None)
        self._work.tracker.log_artifacts(opened.run_id or "", RunFiles(memory=record))
        self.end(opened.asked.number, replace(outcome, metrics=as_metrics(record)))

    def end(self, number: int, outcome: Outcome) -> None:
        """Write down how a trial has ended, close its MLflow run, and tell Optuna; repeated after a crash it does the rest.

        Nothing is done where another process has taken the trial, or ended it.
        """
        work, label = self._work, label_of(number)
        if not self._board.claim(number):
            return
        opened = self._board.as_it_is(number)
        if opened is None:
            self._board.give_back(number)
            return
        run_id, rung = opened.run_id, opened.reached if outcome.ending is Ending.PRUNED_RUNG else None
        work.ledger.decide(number, outcome)
        if run_id is not None:
            work.tracker.finish_run(run_id, outcome)
        work.ledger.tell(number, outcome, work.objectives)
        work.paths.trial_dir(work.ledger.name, label).remove_checkpoints()
        self._board.ended(number)
        age = self._ages.pop(number, 0.0)
        work.view.trial_ended(TrialEnd(label, outcome.ending, outcome.reason, outcome.metrics, age, rung))

    def end_stopped(self) -> None:
        """End what a person stopped while it waited."""
        for number in sorted(self._board.stopped):
            if self._board.waits(number):
                self._stopped(number)

    def catch_up(self, standings: Standings) -> None:
        """What a score leads to, for all who wait; a process may have died between the two."""
        rungs = self._work.config.halving.schedule()
        for number in sorted(self._board.paused_at(rungs.last)):
            opened = self._board.as_it_is(number)
            if opened is not None:
                self.end(number, ended_as(Ending.COMPLETED, "completed", opened.metrics, opened.constraints))
        for rung in range(rungs.last):
            self._cut_worse(rung, standings)

    def cut_rest(self, standings: Sequence[Standing | None]) -> None:
        """Nothing is left to start: whoever still waits at a rung was not worth more of the budget."""
        for rung, compared in enumerate(standings):
            for number in sorted(self._board.paused_at(rung)):
                self._cut(number, rung, compared, "the budget is spent, and others were better")

    def _reached(self, segment: Segment, score: RungScore, outcome: Outcome, standings: Standings) -> None:
        self._work.ledger.reach(score, outcome.metrics, outcome.constraints())
        self._board.scored(score)
        if segment.last:
            self.end(segment.number, outcome)
            return
        steps = int(outcome.metrics.get("steps", 0))
        self._work.tracker.log_rung(segment.run_id, steps, outcome.metrics, rung=segment.rung)
        self._work.tracker.pause_run(segment.run_id)
        self._board.pause(segment.number)
        self._show_pause(segment, score)
        if segment.number in self._board.stopped:
            self._stopped(segment.number)
            return
        self._cut_worse(segment.rung, standings)

    def _cut_worse(self, rung: int, standings: Standings) -> None:
        """Cut who need not wait at a rung any longer: a function of the scores there, whoever came last."""
        compared = standings()[rung]
        if compared is None:
            return
        for number, reason in self._hopeless(rung, compared).items():
            self._cut(number, rung, compared, reason)
        for number in cuts(compared, self._board.paused_at(rung)):
            twin = compared.twins.get(number)
            why = "clearly worse than those that go on" if twin is None else f"the very result of {label_of(twin)}"
            self._cut(number, rung, compared, why)

    def _hopeless(self, rung: int, compared: Standing) -> dict[int, str]:
        """Who waits at a rung with a hopeless loss, and why that is one."""
        if not self._work.config.halving.hopeless:
            return {}
        losses = {s.trial: s.eval_loss for s in self._board.scores_by_rung(rung + 1)[rung] if s.eval_loss is not None}
        return hopeless_trials(losses, self._board.paused_at(rung), frozenset(compared.promotable))

    def _cut(self, number: int, rung: int, compared: Standing | None, why: str) -> None:
        opened = self._board.as_it_is(number)
        if opened is None:
            return
        constraint = max(compared.rung_constraint(number), _BARELY) if compared is not None else _BARELY
        reason = f"cut at rung {rung + 1} of {len(self._work.config.halving.schedule())}: {why}"
        self.end(number, Outcome(Ending.PRUNED_RUNG, reason, opened.metrics, rung_constraint=constraint))

    def _interrupted(self, segment: Segment, outcome: Outcome) -> None:
        if segment.number in self._board.stopped:
            self._board.broke_off(segment.number)
            self._stopped(segment.number)
            return
        self._work.tracker.finish_run(segment.run_id, outcome)
        self._board.broke_off(segment.number)
        age = self._ages.get(segment.number, 0.0)
        self._work.view.trial_ended(TrialEnd(segment.label, outcome.ending, outcome.reason, outcome.metrics, age))

    def _stopped(self, number: int) -> None:
        reason, opened = self._board.stopped.pop(number), self._board.as_it_is(number)
        if opened is not None:
            self.end(number, Outcome(Ending.STOPPED, reason, opened.metrics))

    def _again(self, segment: Segment, outcome: Outcome) -> bool:
        """Whether the trial tries again: calmer after a divergence, as it is where the infrastructure failed."""
        opened, study = self._board.trial(segment.number), self._work.config.study
        if outcome.ending is Ending.PRUNED_UNSTABLE and study.on_unstable == "calm":
            words = calmed_down(self._work, opened)
            if words is None:
                return False
            self._work.view.message(f"{segment.label} diverged ({outcome.reason}) and starts anew: {words}")
        elif outcome.ending is Ending.FAILED and opened.attempt < study.retries:
            self._work.ledger.attach(segment.number, ATTEMPT, opened.attempt + 1)
            self._work.view.message(f"{segment.label} failed ({outcome.reason}) and is tried again from its last checkpoint")
        else:
            return False
        self._board.broke_off(segment.number)
        return True

    def _show_pause(self, segment: Segment, score: RungScore) -> None:
        values = dict(zip(self._work.objectives, score.values, strict=True)) if score.values else {}
        if not values and score.eval_loss is not None:
            values = {"eval_loss": score.eval_loss}
        rungs = len(self._work.config.halving.schedule())
        self._work.view.trial_paused(TrialPaused(segment.label, segment.rung, rungs, values, self._ages[segment.number]))

    def _say_left_out(self, metrics: Mapping[str, float]) -> None:
        """Say what did not fit, unless that was the last thing said about it."""
        sentence = left_out_sentence(metrics)
        if sentence is not None and sentence != self._said:
            self._said = sentence
            self._work.view.message(sentence)

    def _keeps_failing(self, segment: Segment, outcome: Outcome) -> HarnessError:
        log = self._work.paths.trial_dir(self._work.ledger.name, segment.label).log_file
        return HarnessError(
            f"{MAX_FAILURES_IN_A_ROW} trials in a row failed for reasons that are not their settings",
            why=outcome.reason,
            fix=f"read {log}, run `harness doctor`; the same command goes on afterwards",
            code=ExitCode.ENVIRONMENT,
        )


def _full(outcome: Outcome) -> HarnessError:
    return HarnessError(
        "the disk is full",
        why=outcome.reason,
        fix="free disk space, then run the same command: the trial is taken up again from its last checkpoint",
        code=ExitCode.STORAGE,
    )
