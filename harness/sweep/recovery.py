"""Taking up what a process left that died: decisions are carried out, trials without a verdict get back in line.

Owns what is done before the first segment, and whenever a trial turns up that nobody works on any more. Repeated, and broken
off anywhere, it comes to the same.
"""

from __future__ import annotations

import shutil

from harness.study.ledger import OpenTrial
from harness.study.trial_record import ADMISSION
from harness.sweep.board import Board
from harness.sweep.fsck_scene import half_written
from harness.sweep.gate import Judged
from harness.sweep.segments import label_of, open_run, refusal
from harness.sweep.verdicts import Verdicts
from harness.sweep.workplace import Workplace


def take_up(work: Workplace, board: Board) -> None:
    """Bring every open trial that nobody works on into a state the loop knows, and remove what the dead left lying about.

    Args:
        work: The sweep.
        board: Its open trials.
    """
    _clear(work, board)
    _pause(work, board)
    verdicts, resumed = Verdicts(work, board), []
    for left in board.orphans():
        if adopt(work, board, verdicts, left) is not None:
            resumed.append(left.asked.number)
    if resumed:
        work.view.message(f"trial {', '.join(map(str, sorted(resumed)))} was cut off when its sweep died: it is taken up again")


def adopt(work: Workplace, board: Board, verdicts: Verdicts, left: OpenTrial) -> OpenTrial | None:
    """Bring one trial that this process has just taken over to where its next segment can begin.

    Args:
        work: The sweep.
        board: Its open trials.
        verdicts: End trials.
        left: As its last process left it: decided, or with a segment under way, or without a beginning.

    Returns:
        The trial with its settings, its admission and its MLflow run; None where it has ended.
    """
    number = left.asked.number
    if left.decided is not None:
        verdicts.end(number, left.decided)
        return None
    if board.space.keys() - left.asked.proposal.keys():
        work.ledger.fill(number, board.space, board.propose)
        left = board.trial(number)
    kept = left.admission
    judged = work.materials.gate.restore(kept) if kept and kept["admitted"] else _judge(work, left)
    _reopen(work, left, judged)
    refused = refusal(judged)
    if refused is not None:
        verdicts.refused(board.trial(number), refused, judged)
        return None
    return board.trial(number)


def _judge(work: Workplace, left: OpenTrial) -> Judged:
    """Put a trial before the guard that had not got so far."""
    judged = work.materials.gate.judge(work.config.base_params().merged(left.asked.proposal))
    work.ledger.attach(left.asked.number, ADMISSION, judged.to_dict(work.materials.budget))
    return judged


def _reopen(work: Workplace, left: OpenTrial, judged: Judged) -> None:
    """Its MLflow run again, or one that was made and not written down, or a new one."""
    if left.run_id is not None:
        work.tracker.reopen_run(left.run_id)
    else:
        open_run(work, left.asked, judged, work.tracker.find_run(left.asked.number))


def _pause(work: Workplace, board: Board) -> None:
    """Trials that wait at a rung: MLflow is told what they were worth there, if their process had no time for it."""
    running = work.tracker.running()
    for opened in board.paused():
        number, run_id = opened.asked.number, opened.run_id
        if run_id not in running or not board.claim(number):
            continue
        work.tracker.log_rung(run_id, int(opened.metrics.get("steps", 0)), opened.metrics, rung=opened.reached)
        work.tracker.pause_run(run_id)
        board.give_back(number)


def _clear(work: Workplace, board: Board) -> None:
    """Half-written files of dead processes, leases that they held on ended trials, checkpoints that nobody needs any more."""
    folder = work.paths.trials / work.ledger.name
    for left in half_written((work.paths.folder, folder)):
        if left.path.is_dir():
            shutil.rmtree(left.path, ignore_errors=True)
        else:
            left.path.unlink(missing_ok=True)
    board.drop_ended()
    for told in work.ledger.told():
        work.paths.trial_dir(work.ledger.name, label_of(told.number)).remove_checkpoints()
