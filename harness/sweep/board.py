"""What a sweep knows of its trials that have not ended, and by what right it works on them.

Owns the leases of this process, the picture of paused and broken-off trials (derived from the study and read again every
now and then: others may sweep it too), and the requests of other terminals.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from harness.core.outcome import Ending, Outcome
from harness.core.rungs import RungScore
from harness.study.heart import Heart
from harness.study.history import Past
from harness.study.leases import Leases
from harness.study.ledger import OpenTrial
from harness.study.owner import Owner
from harness.study.proposer import Proposer
from harness.study.requests import Request, RequestKind, Requests
from harness.study.sampling import distributions
from harness.sweep.allowance import Allowance
from harness.sweep.crew import Crew, Segment
from harness.sweep.workplace import Workplace

_REFRESH_SECONDS = 15.0
_REQUEST_SECONDS = 1.0


class Board:
    """The open trials of a study, as this process sees them.

    Args:
        work: The sweep.
        proposer: Makes proposals from the history.

    Attributes:
        allowance: How many trials, and for how long.
        space: Searched parameter -> its distribution.
        stopped: Trial -> why a person wants it to end.
        gone: Trials whose lease was lost: another process works on them, nothing may be told of them here.
    """

    def __init__(self, work: Workplace, proposer: Proposer) -> None:
        self._work = work
        self._proposer = proposer
        self._leases = Leases(work.storage, work.ledger.name, Owner.here())
        self._requests = Requests(work.storage, work.ledger.name)
        self._heart = Heart(self._leases).start()
        self.space = distributions(work.config.space)
        self.allowance = Allowance(work.ledger, work.config.study)
        self.stopped: dict[int, str] = {}
        self.gone: set[int] = set()
        self._under_way: set[int] = set()
        self._open: dict[int, OpenTrial] = {}
        self._scores: dict[tuple[int, int], RungScore] = {}
        self._read_at = self._asked_at = float("-inf")
        self.refresh()

    def close(self) -> None:
        """Give every lease back."""
        self._heart.close()
        self._leases.release_all()

    def propose(self, history: Sequence[Past]) -> dict[str, Any] | None:
        """Settings to try next."""
        return self._proposer.next(history)

    def refresh(self) -> None:
        """Read the study again."""
        self._read_at = time.monotonic()
        self._open = {opened.asked.number: opened for opened in self._work.ledger.open_trials()}
        self._scores |= {(score.trial, score.rung): score for score in self._work.ledger.scores()}

    def trial(self, number: int) -> OpenTrial:
        """An open trial, as the study has it now."""
        self._open[number] = self._work.ledger.open_trial(number)
        return self._open[number]

    def as_it_is(self, number: int) -> OpenTrial | None:
        """A trial as the study has it now; None where it has ended since this was last read."""
        try:
            return self.trial(number)
        except KeyError:
            self._open.pop(number, None)
            return None

    def orphans(self) -> tuple[OpenTrial, ...]:
        """Open trials that someone was working on who is no longer alive; taken over by this process."""
        left = [number for number, opened in self._open.items() if number not in self._under_way and _unfinished(opened)]
        return tuple(opened for number in left if (opened := self._taken_over(number)) is not None)

    def _taken_over(self, number: int) -> OpenTrial | None:
        """A trial as it is now, held by this process; None where somebody alive works on it, or it has ended meanwhile."""
        if not self._leases.take(number):
            return None
        opened = self.as_it_is(number)
        if opened is None or not _unfinished(opened):
            self._leases.release(number)
            return None
        return opened

    def drop_ended(self) -> None:
        """Remove the leases of dead processes on trials that have ended."""
        left = [number for number, lease in self._leases.holders().items() if lease.dead and number not in self._open]
        if left:
            self._leases.drop(left)

    def begin(self, segment: Segment) -> bool:
        """Write down that a segment begins; False where the trial is another process's now, or has come further or to its end."""
        if not self._leases.take(segment.number):
            self._open.pop(segment.number, None)
            return False
        opened = self.as_it_is(segment.number)
        if opened is None or opened.decided is not None or opened.reached >= segment.rung:
            self._leases.release(segment.number)
            return False
        self._work.ledger.begin_segment(segment.number, segment.rung)
        self._under_way.add(segment.number)
        return True

    def scored(self, score: RungScore) -> None:
        """A trial has reached a rung."""
        self._scores[score.trial, score.rung] = score

    def pause(self, number: int) -> None:
        """Nobody works on a trial until it is promoted."""
        self._under_way.discard(number)
        self.trial(number)
        self._leases.release(number)

    def broke_off(self, number: int) -> None:
        """A segment ended without a result; it may be taken up again."""
        self._under_way.discard(number)
        self.as_it_is(number)

    def ended(self, number: int) -> None:
        """A trial has been told."""
        self._under_way.discard(number)
        self._open.pop(number, None)
        self._leases.release(number)

    def claim(self, number: int) -> bool:
        """Whether this process may decide about a trial: it works on it, or nobody does."""
        return self._leases.take(number)

    def give_back(self, number: int) -> None:
        """End a claim; others may decide about the trial."""
        self._leases.release(number)

    def waits(self, number: int) -> bool:
        """Whether a trial is open and not under way here."""
        return number in self._open and number not in self._under_way

    def paused(self) -> tuple[OpenTrial, ...]:
        """Trials that wait at a rung."""
        return tuple(opened for number, opened in self._open.items() if number not in self._under_way and not _unfinished(opened))

    def paused_at(self, rung: int) -> frozenset[int]:
        """Numbers of those that wait at one rung."""
        return frozenset(opened.asked.number for opened in self.paused() if opened.reached == rung)

    def broken_off(self) -> OpenTrial | None:
        """A trial with a segment that was begun and is nobody's now, or with none at all; taken over by this process."""
        for number, opened in list(self._open.items()):
            if _unfinished(opened) and number not in self._under_way and (now := self._taken_over(number)) is not None:
                return now
        return None

    def scores_by_rung(self, rungs: int) -> list[list[RungScore]]:
        """What trials were worth at each of the `rungs` lowest rungs, ended ones included."""
        found: list[list[RungScore]] = [[] for _ in range(rungs)]
        for (_, rung), score in self._scores.items():
            if rung < rungs:
                found[rung].append(score)
        return found

    def tell(self, number: int, status: Mapping[str, Any]) -> None:
        """Say how a running trial stands, for `harness status`."""
        self._heart.tell(number, status)

    def serve(self, crew: Crew) -> bool:
        """Look at what others did: requests, lost leases, trials of other processes.

        Returns:
            Whether there may be something new to start.
        """
        now = time.monotonic()
        for number in self._heart.lost():
            self.gone.add(number)
            crew.stop(number, "another process has taken it over")
        if now - self._asked_at < _REQUEST_SECONDS:
            return False
        self._asked_at = now
        pending = self._requests.pending()
        for request in pending:
            self._serve(request, crew)
        if now - self._read_at >= _REFRESH_SECONDS:
            self.refresh()
        return bool(pending)

    def _serve(self, request: Request, crew: Crew) -> None:
        if request.kind is RequestKind.BUDGET:
            self.allowance.change(request.payload)
            self._requests.done(request.id, f"{self.allowance.n_trials} trials in all")
            self._work.view.message(f"the budget is {self.allowance.n_trials} trials now, as another terminal asked")
            return
        number = int(request.payload["trial"])
        if number not in self._open:
            self._requests.done(request.id, f"trial {number} is not under way")
            return
        if not self._leases.take(number):
            return  # of the sweep that works on it; it answers
        if self.as_it_is(number) is None:
            self._leases.release(number)
            self._requests.done(request.id, f"trial {number} has ended")
            return
        self.stopped[number] = "stopped by the user"
        stopped = Outcome(Ending.STOPPED, self.stopped[number], self._open[number].metrics)
        self._work.ledger.decide(number, stopped)  # else a crash before its end would forget what was promised
        if number in self._under_way:
            crew.stop(number, stopped.reason)
        self._requests.done(request.id, f"trial {number} is being stopped")


def _unfinished(opened: OpenTrial) -> bool:
    """Whether a trial should be under way: a decision is not carried out, a segment not ended, or none begun."""
    return opened.decided is not None or opened.heading is not None or not opened.scores
