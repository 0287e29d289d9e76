"""A segment that was decided on and then had to wait: what became of its trial meanwhile is looked at before it begins."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sweep_place import Place

from harness.config.load import load_config
from harness.console.quiet_view import QuietView
from harness.core.outcome import Ending, Outcome
from harness.core.rungs import RungScore
from harness.guard.watcher import StopSignal
from harness.study.leases import Leases
from harness.study.ledger import OpenTrial
from harness.study.owner import Owner
from harness.study.proposer import Proposer
from harness.study.sampling import ProposalAsk
from harness.sweep.board import Board
from harness.sweep.crew import Segment
from harness.sweep.segments import admit, segment_to
from harness.sweep.simulate import SimulateAsked, open_simulation
from harness.sweep.tracked import start_tracking
from harness.sweep.verdicts import Verdicts
from harness.sweep.workplace import Session, Workplace


@pytest.fixture
def work(place: Place, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workplace]:
    sections = {"study": {"name": "held", "n_trials": 3}, "halving": {"rungs": [{"training": 0.5, "validation": 0}]}}
    file = place.write("held", tiny_model, **sections)
    monkeypatch.chdir(place.folder)
    monkeypatch.setenv("HARNESS_CACHE", place.environ["HARNESS_CACHE"])
    with ExitStack() as stack:
        session = Session(QuietView(sys.stderr), StopSignal(), dict(os.environ), stack)
        opened, _ = open_simulation(load_config(file), "held", session, SimulateAsked())
        start_tracking(opened)
        yield opened


def asked(work: Workplace, board: Board) -> Segment:
    proposal = work.ledger.ask(board.space, board.propose)
    assert proposal is not None
    admit(work, proposal)
    return segment_to(work, board.trial(proposal.number), 0, work.config.halving.schedule())


def opened_board(work: Workplace) -> Board:
    directions = tuple(objective.direction for objective in work.config.objectives)
    board = Board(work, Proposer(ProposalAsk({}, directions, work.config.study.sampler, 0)))
    work.stack.callback(board.close)
    return board


def test_a_trial_that_has_ended_while_its_segment_waited_for_room_does_not_begin(work: Workplace) -> None:
    board = opened_board(work)
    held, other = asked(work, board), asked(work, board)
    work.ledger.tell(held.number, Outcome(Ending.PRUNED_RUNG, "cut", rung_constraint=0.5), work.objectives)
    assert board.begin(held) is False
    assert held.number not in Leases(work.storage, work.ledger.name, Owner.here()).holders()
    assert not board.waits(held.number)
    assert board.as_it_is(held.number) is None
    assert board.begin(other) is True
    assert isinstance(board.as_it_is(other.number), OpenTrial)


def test_a_trial_that_another_process_has_carried_to_the_rung_meanwhile_does_not_begin_again(work: Workplace) -> None:
    board = opened_board(work)
    held = asked(work, board)
    work.ledger.reach(RungScore(held.number, 0, (), (), 1.5), {})
    assert board.begin(held) is False
    assert board.waits(held.number)


def test_verdicts_pass_over_what_another_process_has_ended(work: Workplace) -> None:
    board = opened_board(work)
    segment = asked(work, board)
    work.ledger.reach(RungScore(segment.number, 0, (), (), 1.5), {})
    board.refresh()
    stopped = Outcome(Ending.STOPPED, "stopped by the user")
    work.ledger.decide(segment.number, stopped)
    work.ledger.tell(segment.number, stopped, work.objectives)
    assert board.paused_at(0) == {segment.number}, "the picture is older than the study"
    Verdicts(work, board).cut_rest([None])
    assert board.paused_at(0) == frozenset()
    assert work.ledger.told()[0].ending is Ending.STOPPED
