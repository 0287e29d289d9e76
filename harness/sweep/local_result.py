"""From what the threads of a crew came back with to a finished segment: judged, learned from, tracked in MLflow."""

from __future__ import annotations

import time
from dataclasses import replace

from evaluation import Report
from harness.core.outcome import Ending, Outcome
from harness.sweep.crew import Finished
from harness.sweep.forensics import learn_from, memory_record, unless_crowded
from harness.sweep.judge import judge
from harness.sweep.local_task import Live
from harness.sweep.runner import ChildRun
from harness.sweep.segment_files import track_files
from harness.sweep.segment_result import loss_score, named_for_rung, rung_score, so_far, with_scores
from harness.sweep.workplace import Workplace
from harness.tracking.memory import as_metrics


def judged(work: Workplace, live: Live, child: ChildRun) -> Outcome:
    """How a trial process ended, before its suites are scored; the memory guard learns its peak."""
    budget, segment = work.materials.budget, live.segment
    outcome = unless_crowded(judge(child.ended, child.result, budget), child, budget)
    if outcome.ending is Ending.INTERRUPTED and live.stalled:
        outcome = replace(outcome, ending=Ending.FAILED, reason=live.stalled)
    elif outcome.ending is Ending.INTERRUPTED and live.stop_reason:
        outcome = replace(outcome, reason=live.stop_reason)
    learn_from(work.materials.gate, segment.judged, child, outcome)
    record = memory_record(work, segment.judged, outcome, child)
    return replace(outcome, metrics=so_far(segment, {**as_metrics(record), **outcome.metrics}))


def scored(work: Workplace, outcome: Outcome, report: Report | None, seconds: float) -> Outcome:
    """The same once its suites were scored.

    Args:
        work: The sweep.
        outcome: As judged.
        report: None where the user broke the scoring off.
        seconds: That the scoring took.
    """
    if report is None:
        return replace(outcome, ending=Ending.INTERRUPTED, reason="interrupted while its suites were scored")
    timed = replace(outcome, metrics={**outcome.metrics, "score_runtime_s": seconds})
    return with_scores(timed, report, work.objectives)


def with_loss(outcome: Outcome) -> Outcome:
    """A segment up to a rung that is judged by the validation loss alone; FAILED when none was measured."""
    if "eval_loss" in outcome.metrics:
        return outcome
    reason = "no validation loss was measured: no validation example fits max_length"
    return replace(outcome, ending=Ending.FAILED, reason=reason)


def finished(work: Workplace, ended: tuple[Live, ChildRun], outcome: Outcome, report: Report | None) -> Finished:
    """The segment's files go to MLflow, its figures get the names of its rung."""
    live, child = ended
    segment = live.segment
    score = None
    if outcome.ending is Ending.COMPLETED:
        score = rung_score(segment, outcome.metrics, report, work.objectives) if report else loss_score(segment, outcome.metrics)
    track_files(work, segment, child, outcome, report)
    outcome = replace(outcome, metrics=named_for_rung(segment, outcome.metrics))
    steps = int(child.result.metrics.get("steps", 0)) if child.result else 0
    return Finished(segment, outcome, score, time.monotonic() - live.started, steps)
