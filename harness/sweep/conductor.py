"""Who is trained next: the order of segments, promotions and cuts. The same over real and simulated crews.

Every decision is written to the study before it is acted on, so that whoever takes the sweep up after a crash decides the
same. The rules are `harness.core.halving`'s; what happens to an ended segment is `harness.sweep.verdicts`'s.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.console.view import TrialLine
from harness.core.brackets import bracket, bracket_weights
from harness.core.halving import Halving, Standing, promotion, standing
from harness.core.rungs import RungScore
from harness.core.worse import drift
from harness.study.ledger import OpenTrial
from harness.sweep.board import Board
from harness.sweep.crew import Crew, Segment
from harness.sweep.recovery import adopt
from harness.sweep.segments import admit, announce, label_of, refusal, segment_to
from harness.sweep.verdicts import Verdicts
from harness.sweep.workplace import Workplace

_TURN_SECONDS = 1.0


class Conductor:
    """Carries the trials of a study through their rungs.

    Args:
        work: The sweep.
        crew: Carries segments out.
        board: What is known of the trials that have not ended.
    """

    def __init__(self, work: Workplace, crew: Crew, board: Board) -> None:
        self._work = work
        self._crew = crew
        self._board = board
        self._verdicts = Verdicts(work, board)
        self._rungs = work.config.halving.schedule()
        asked = work.config.halving
        self._rule = Halving(asked.reduction_factor, asked.confidence)
        self._weights = bracket_weights(self._rungs, asked.brackets, asked.reduction_factor)
        self._compared: dict[int, tuple[tuple[int, int], Standing]] = {}
        self._held: Segment | None = None
        self._exhausted = False
        self._began = crew.now()

    def run(self) -> bool:
        """Until nothing is left to do.

        Returns:
            False when the user interrupted; what was under way is taken up again by the next run.

        Raises:
            HarnessError: nothing can work any more.
        """
        self._verdicts.catch_up(self._standings)
        self._serve()
        while not self._work.stop.requested:
            self._fill()
            if not self._crew.running():
                self._verdicts.catch_up(self._standings)
                self._verdicts.cut_rest(self._standings())
                return True
            self._turn()
        while self._crew.running():
            self._turn()
        return False

    def _turn(self) -> None:
        for number, status in self._crew.status().items():
            self._board.tell(number, status)
        for finished in self._crew.wait(_TURN_SECONDS):
            self._verdicts.take(finished, self._standings)
        self._serve()

    def _serve(self) -> None:
        """Do what other terminals ask for."""
        if self._board.serve(self._crew):
            self._exhausted = False
            self._verdicts.end_stopped()

    def _fill(self) -> None:
        """Start segments for as long as there is one to start and room for it."""
        while self._crew.room(0):
            segment = self._held or self._next()
            self._held = segment
            if segment is None or not self._crew.room(segment.needed_bytes):
                return
            self._held = None
            if self._board.begin(segment):
                self._crew.start(segment)

    def _next(self) -> Segment | None:
        """What was broken off, then who is promoted, then a new trial, then who may yet be good."""
        while (left := self._board.broken_off()) is not None:
            opened = adopt(self._work, self._board, self._verdicts, left)
            if opened is not None:
                return self._segment(opened, opened.heading or self._first(opened))
        return self._promoted(exhausted=False) or self._new() or self._promoted(exhausted=self._exhausted)

    def _promoted(self, *, exhausted: bool) -> Segment | None:
        while True:
            paused = [self._board.paused_at(rung) for rung in range(self._rungs.last)]
            chosen = promotion(self._standings(), paused, exhausted=exhausted and not self._late())
            if chosen is None:
                return None
            number, rung = chosen
            opened = self._board.as_it_is(number)
            if opened is not None and (opened.reached, opened.heading, opened.decided) == (rung, None, None):
                break  # else another process has gone on with it
        self._work.view.trial_started(TrialLine(label_of(number), opened.asked.proposal))
        self._work.tracker.reopen_run(opened.run_id or "")
        return self._segment(opened, rung + 1)

    def _new(self) -> Segment | None:
        """The next proposal that the memory guard lets start; those it refuses are told at once."""
        while not self._exhausted:
            opened = self._asked()
            if opened is None:
                self._exhausted = True
                return None
            if not self._board.claim(opened.asked.number):
                continue  # another process has seen it meanwhile, with nobody working on it
            if self._board.as_it_is(opened.asked.number) is None:
                self._board.give_back(opened.asked.number)
                continue
            judged = admit(self._work, opened.asked)
            announce(self._work, opened.asked, judged)
            opened = self._board.trial(opened.asked.number)
            refused = refusal(judged)
            if refused is None:
                return self._segment(opened, self._first(opened))
            self._verdicts.refused(opened, refused, judged)
        return None

    def _asked(self) -> OpenTrial | None:
        if self._late():
            self._work.view.message("study.timeout_s is spent: no further trial is started")
            return None
        if not self._work.ledger.remaining(self._board.allowance.n_trials):
            return None
        asked = self._work.ledger.ask(self._board.space, self._board.propose)
        return None if asked is None else OpenTrial(asked)

    def _late(self) -> bool:
        """Whether the time is spent: no trial starts, and of those that wait only the best go on."""
        return self._crew.now() - self._began > (self._board.allowance.timeout_s or float("inf"))

    def _first(self, opened: OpenTrial) -> int:
        """The rung a trial is judged at first."""
        return bracket(opened.asked.number, self._weights)

    def _segment(self, opened: OpenTrial, rung: int) -> Segment:
        return segment_to(self._work, opened, rung, self._rungs)

    def _standings(self) -> Sequence[Standing | None]:
        """How the trials of every lower rung compare."""
        *lower, whole = self._board.scores_by_rung(len(self._rungs))
        return [self._standing(rung, scores, whole) if scores else None for rung, scores in enumerate(lower)]

    def _standing(self, rung: int, scores: Sequence[RungScore], whole: Sequence[RungScore]) -> Standing:
        """Worked out again only when a score was added; scores never change."""
        known, seen = self._compared.get(rung), (len(scores), len(whole))
        if known is None or known[0] != seen:
            directions = [objective.direction for objective in self._work.config.objectives]
            known = self._compared[rung] = (
                seen,
                standing(scores, directions, self._rule, drift(scores, whole, self._rule.confidence)),
            )
        return known[1]
