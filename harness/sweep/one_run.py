"""One process beside the trials, from its start to its scores: an untuned baseline, a finished adapter on test functions."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial

from evaluation import Report
from harness.console.view import TrialEnd, TrialProgress
from harness.core.outcome import Ending, Outcome
from harness.sweep.forensics import memory_record, unless_crowded
from harness.sweep.judge import judge
from harness.sweep.runner import ChildRun, run_child
from harness.sweep.scoring import Scoring, StopNowError, score_suites_of
from harness.sweep.segment_files import files_of, report_of
from harness.sweep.workplace import Workplace
from harness.tracking.memory import as_metrics
from harness.tracking.run_files import RunReport
from harness.trial.spec import TrialSpec


def carry_out(work: Workplace, spec: TrialSpec, run_id: str, split: str) -> Outcome:
    """Run a process and score what it wrote; the run is closed in MLflow.

    Args:
        work: The sweep.
        spec: What it does; its name is the label on the screen and the folder's name.
        run_id: Its MLflow run, already started.
        split: The functions its suites are for.
    """
    started = time.monotonic()
    child = run_child(work, spec, run_id)
    budget = work.materials.budget
    outcome = unless_crowded(judge(child.ended, child.result, budget), child, budget)
    record = memory_record(work, None, outcome, child)
    outcome = replace(outcome, metrics={**as_metrics(record), **outcome.metrics})
    report = None
    if outcome.ending is Ending.COMPLETED:
        outcome, report = _scored(work, child, split, outcome)
    said = report_of(work, child.folder, split) if spec.adapter is not None else RunReport(folder=child.folder.path)
    work.tracker.log_artifacts(run_id, files_of(child, report, memory_record(work, None, outcome, child), said))
    work.tracker.finish_run(run_id, outcome, tags=child.result.facts if child.result else {})
    work.view.trial_ended(TrialEnd(spec.name, outcome.ending, outcome.reason, outcome.metrics, time.monotonic() - started))
    return outcome


def _scored(work: Workplace, child: ChildRun, split: str, outcome: Outcome) -> tuple[Outcome, Report | None]:
    label = child.folder.read_spec().name
    started = time.monotonic()
    try:
        show = partial(_show, work, label)
        report = score_suites_of(Scoring.of(work), child.folder, work.materials.data.files[split], show)
    except StopNowError:
        return replace(outcome, ending=Ending.INTERRUPTED, reason="interrupted while its suites were scored"), None
    metrics = {**outcome.metrics, **report.aggregate.to_metrics(), "score_runtime_s": time.monotonic() - started}
    return replace(outcome, metrics=metrics), report


def _show(work: Workplace, label: str, scored: tuple[int, int]) -> None:
    work.view.trial_progress(TrialProgress(label, "score", *scored, budget_bytes=work.materials.budget.bytes))
