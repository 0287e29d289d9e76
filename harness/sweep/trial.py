"""One trial from proposal to verdict: admission, process, scoring, tracking. Also the untuned baselines."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

from evaluation import Report
from harness.console.view import TrialEnd, TrialLine, TrialProgress
from harness.core.admission import Reject
from harness.core.outcome import Ending, Outcome
from harness.core.params import TrialParams
from harness.core.workload import Workload
from harness.study.ledger import Asked
from harness.sweep.forensics import learn_from, memory_record, unless_crowded
from harness.sweep.gate import Judged
from harness.sweep.judge import judge
from harness.sweep.runner import ChildRun, run_child
from harness.sweep.scoring import StopNowError, score_trial
from harness.sweep.specs import training_spec
from harness.sweep.workplace import Workplace
from harness.tracking.artifacts import RunFiles
from harness.tracking.memory import MemoryRecord, as_metrics
from harness.trial.spec import TrialSpec


def run_trial(work: Workplace, asked: Asked) -> Outcome:
    """Carry out one proposal; everything is tracked, nothing is told to Optuna yet."""
    label = f"trial {asked.number}"
    params = work.config.base_params().merged(asked.proposal)
    judged = work.materials.gate.judge(params)
    work.view.trial_started(TrialLine(label, asked.proposal, judged.corrected.total_bytes if judged.corrected else None))
    if judged.steps:
        work.view.message(f"{label} is adapted to fit: {', '.join(judged.steps)}")
    run_id = _start_run(work, asked, params, judged)
    work.ledger.attach(asked.number, "run_id", run_id)
    work.ledger.attach(asked.number, "admission", judged.to_dict(work.materials.budget))
    if isinstance(judged.verdict, Reject):
        outcome = Outcome(Ending.PRUNED_MEMORY, judged.verdict.reason, memory_constraint=judged.verdict.constraint)
        record = memory_record(work, judged, outcome, None)
        work.tracker.log_artifacts(run_id, RunFiles(memory=record))
        work.tracker.finish_run(run_id, outcome, metrics=as_metrics(record))
        return _show_end(work, label, outcome, 0.0)
    adopt_checkpoints(work, asked)
    seed = work.config.study.seed + asked.replicate
    to = Destination(run_id, "validation", work.objectives, judged)
    return carry_out(work, training_spec(work, label, judged.workload, seed), to)


def _start_run(work: Workplace, asked: Asked, params: TrialParams, judged: Judged) -> str:
    """The trial's MLflow run. Its parameters are those it runs with; what was proposed otherwise stands beside them."""
    effective, proposed = run_params(judged.workload), params.to_dict()
    changed = {f"proposed_{name}": value for name, value in proposed.items() if effective[name] != value}
    seed = work.config.study.seed + asked.replicate
    tags = {"trial": str(asked.number), "seed": str(seed), "device": work.materials.probe.device_name}
    if judged.steps:
        tags["adapted"] = "; ".join(judged.steps)
    if asked.retry_of is not None:
        tags["retry_of"] = str(asked.retry_of)
    return work.tracker.start_run(f"trial {asked.number}", params={**effective, **changed}, tags=tags)


def run_params(workload: Workload) -> dict[str, Any]:
    """Effective settings as MLflow parameters."""
    params = workload.params
    around = {"loss_path": workload.loss_path.value, "offloaded_layers": workload.offloaded_layers}
    return {**params.to_dict(), "lora_alpha": params.scaling_alpha, **around}


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a process's figures go.

    Attributes:
        run_id: MLflow run, already started.
        split: The functions its suites are for.
        required: Metrics without which the process counts as failed.
        judged: Its way through the memory guard; None for what has no settings of its own.
    """

    run_id: str
    split: str
    required: tuple[str, ...] = ()
    judged: Judged | None = None


def carry_out(work: Workplace, spec: TrialSpec, to: Destination) -> Outcome:
    """Run a trial process and score what it wrote; the run is closed in MLflow.

    Raises:
        HarnessError: NO_MEMORY when another process kept the memory for longer than `guard.wait_s`.
    """
    started = time.monotonic()
    needed = to.judged.corrected.total_bytes if to.judged and to.judged.corrected else 0
    child = run_child(work, spec, to.run_id, needed)
    budget = work.materials.budget
    outcome = unless_crowded(judge(child.ended, child.result, budget), child, budget)
    if to.judged is not None:
        learn_from(work.materials.gate, to.judged, child, outcome)
    record = memory_record(work, to.judged, outcome, child)
    outcome = replace(outcome, metrics={**as_metrics(record), **outcome.metrics})
    report = None
    if outcome.ending is Ending.COMPLETED:
        outcome, report = _scored(work, child, to, outcome)
    _track_files(work, child, to.run_id, report, record)
    work.tracker.finish_run(to.run_id, outcome, tags=child.result.facts if child.result else {})
    return _show_end(work, spec.name, outcome, time.monotonic() - started)


def _show_end(work: Workplace, label: str, outcome: Outcome, duration_s: float) -> Outcome:
    work.view.trial_ended(TrialEnd(label, outcome.ending, outcome.reason, outcome.metrics, duration_s))
    return outcome


def _scored(work: Workplace, child: ChildRun, to: Destination, outcome: Outcome) -> tuple[Outcome, Report | None]:
    label = child.folder.read_spec().name

    def show(done: int, total: int) -> None:
        work.view.trial_progress(TrialProgress(label, "score", done, total, budget_bytes=work.materials.budget.bytes))

    started = time.monotonic()
    try:
        report = score_trial(work, child.folder, to.split, show)
    except StopNowError:
        return replace(outcome, ending=Ending.INTERRUPTED, reason="interrupted while its suites were scored"), None
    metrics = {**outcome.metrics, **report.aggregate.to_metrics(), "score_runtime_s": time.monotonic() - started}
    missing = [name for name in to.required if name not in metrics]
    if missing:
        reason = f"objective {missing[0]} was not measured"
        return replace(outcome, ending=Ending.FAILED, reason=reason, metrics=metrics), report
    return replace(outcome, metrics=metrics), report


def _track_files(work: Workplace, child: ChildRun, run_id: str, report: Report | None, memory: MemoryRecord) -> None:
    table: list[dict[str, Any]] = [score.to_row() for score in report.scores] if report else []
    folder = child.folder
    work.tracker.log_artifacts(
        run_id,
        RunFiles(
            adapter_dir=folder.adapter_dir if child.result and child.result.facts.get("adapter_sha256") else None,
            suites_file=folder.suites_file,
            table=table,
            events_file=folder.events_file,
            config_text=folder.spec_file.read_text("utf-8"),
            log_file=folder.log_file,
            memory=memory,
        ),
    )


def adopt_checkpoints(work: Workplace, asked: Asked) -> None:
    """Give a trial that is taken up again the checkpoints of the attempt before it."""
    if asked.retry_of is None:
        return
    old = work.paths.trial_dir(work.ledger.name, f"trial {asked.retry_of}").checkpoints_dir
    new = work.paths.trial_dir(work.ledger.name, f"trial {asked.number}").checkpoints_dir
    if old.is_dir() and not new.exists():
        new.parent.mkdir(parents=True, exist_ok=True)
        old.rename(new)
