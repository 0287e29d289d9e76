"""The sweep: baselines, then ask, carry out, tell, until the file's limits are reached or the user stops it."""

from __future__ import annotations

import time
from dataclasses import dataclass

from harness.console.view import Promoted
from harness.core.errors import ExitCode, HarnessError
from harness.core.outcome import Ending, Outcome
from harness.study.ledger import Asked
from harness.sweep.baseline import measure_baselines
from harness.sweep.left_out import left_out_sentence
from harness.sweep.preflight import check_smallest_fits, header
from harness.sweep.promote import choose, promote
from harness.sweep.summary import Results
from harness.sweep.tracked import finish_tracking, start_tracking
from harness.sweep.trial import run_trial
from harness.sweep.workplace import Workplace

MAX_FAILURES_IN_A_ROW = 3


@dataclass(frozen=True, slots=True)
class Finished:
    """How the loop ended.

    Attributes:
        complete: All trials done or the time spent, and promoted when asked for; False when the user interrupted.
        results: What the study has shown.
        promoted: The promoted adapter, when the file asks for promotion.
    """

    complete: bool
    results: Results
    promoted: Promoted | None


def run_sweep(work: Workplace) -> Finished:
    """Carry a sweep to its end; what was stored stays valid whichever way it ends.

    Raises:
        HarnessError: nothing can work: no memory for the smallest configuration, no base model, a broken scorer,
            or the same infrastructure failure three times in a row.
    """
    check_smallest_fits(work)
    start_tracking(work)
    work.view.sweep_started(header(work))
    try:
        complete = measure_baselines(work) and _trials(work)
        results = Results.read(work.ledger, work.config)
        promoted = _promoted(work, results) if complete else None
    except HarnessError as error:
        finish_tracking(work, Outcome(Ending.FAILED, f"{error.what}: {error.why}"))
        raise
    complete = complete and not work.stop.requested
    ending = Ending.COMPLETED if complete else Ending.INTERRUPTED
    guarded = work.materials.gate.reliability(results.trials)
    work.view.message(f"memory guard: {guarded.sentence()}")
    reason = "all trials done" if complete else "interrupted by the user"
    finish_tracking(work, Outcome(ending, reason, guarded.as_metrics()))
    if complete:
        work.ledger.note("finished", value=True)
    return Finished(complete, results, promoted)


def _promoted(work: Workplace, results: Results) -> Promoted | None:
    """Promote the knee when the file asks for it and there is one."""
    if not work.config.tracking.promote or results.knee is None:
        return None
    return promote(work, choose(results, None))


def _trials(work: Workplace) -> bool:
    deadline = time.monotonic() + (work.config.study.timeout_s or float("inf"))
    failures, said = 0, None
    while work.ledger.remaining(work.config.study.n_trials):
        if work.stop.requested:
            return False
        if time.monotonic() > deadline:
            work.view.message("study.timeout_s is spent: no further trial is started")
            break
        asked = work.ledger.ask(work.config)
        outcome = _guarded(work, asked)
        said = _say_left_out(work, outcome, said)
        retry = outcome.ending is Ending.INTERRUPTED or (
            outcome.ending is Ending.FAILED and asked.attempt < work.config.study.retries
        )
        work.ledger.tell(asked, outcome, work.objectives, retry=retry)
        failures = failures + 1 if outcome.ending is Ending.FAILED else 0
        if failures >= MAX_FAILURES_IN_A_ROW:
            raise _keeps_failing(work, asked, outcome)
    return not work.stop.requested or not work.ledger.remaining(work.config.study.n_trials)


def _say_left_out(work: Workplace, outcome: Outcome, said: str | None) -> str | None:
    """Say what did not fit, unless that was the last thing said about it."""
    sentence = left_out_sentence(outcome.metrics)
    if sentence is None or sentence == said:
        return said
    work.view.message(sentence)
    return sentence


def _guarded(work: Workplace, asked: Asked) -> Outcome:
    """A trial whose error, if it is not the trial's own, is recorded before it ends the sweep."""
    try:
        return run_trial(work, asked)
    except HarnessError as error:
        reason = f"{error.what}: {error.why}"
        work.ledger.tell(asked, Outcome(Ending.FAILED, reason), work.objectives, retry=True)
        work.tracker.close_orphans()
        raise


def _keeps_failing(work: Workplace, asked: Asked, outcome: Outcome) -> HarnessError:
    log = work.paths.trial_dir(work.ledger.name, f"trial {asked.number}").log_file
    return HarnessError(
        f"{MAX_FAILURES_IN_A_ROW} trials in a row failed for reasons that are not their settings",
        why=outcome.reason,
        fix=f"read {log}, run `harness doctor`; the same command goes on afterwards",
        code=ExitCode.ENVIRONMENT,
    )
