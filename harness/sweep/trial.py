"""One trial from proposal to verdict: admission, process, scoring, tracking. Also the untuned baselines."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from evaluation import Report
from harness.config.sweep_config import SweepConfig
from harness.console.view import TrialEnd, TrialLine, TrialProgress
from harness.core.admission import Reject, admit
from harness.core.dtypes import cpu_dtype, dtype_bytes
from harness.core.memory import DeviceProfile, MemoryEstimate, estimate_peak
from harness.core.outcome import Ending, Outcome
from harness.core.params import TrialParams
from harness.study.ledger import Asked
from harness.sweep.judge import judge
from harness.sweep.runner import ChildRun, run_child
from harness.sweep.scoring import StopNowError, score_trial
from harness.sweep.specs import training_spec
from harness.sweep.workplace import Materials, Workplace
from harness.tracking.artifacts import RunFiles
from harness.trial.spec import TrialSpec


def run_trial(work: Workplace, asked: Asked) -> Outcome:
    """Carry out one proposal; everything is tracked, nothing is told to Optuna yet."""
    label = f"trial {asked.number}"
    params = work.config.base_params().merged(asked.proposal)
    seed = work.config.study.seed + asked.replicate
    estimate = predict(work.config, work.materials, params)
    work.view.trial_started(TrialLine(label, asked.proposal, estimate.total_bytes if estimate else None))
    tags = {"trial": str(asked.number), "seed": str(seed), "device": work.materials.probe.device_name}
    if asked.retry_of is not None:
        tags["retry_of"] = str(asked.retry_of)
    run_id = work.tracker.start_run(label, params={**params.to_dict(), "lora_alpha": params.scaling_alpha}, tags=tags)
    work.ledger.attach(asked.number, "run_id", run_id)
    admission = admit(estimate, work.materials.budget) if estimate else None
    if isinstance(admission, Reject):
        outcome = Outcome(Ending.PRUNED_MEMORY, admission.reason, memory_constraint=admission.constraint)
        work.tracker.finish_run(run_id, outcome)
        return _show_end(work, label, outcome, 0.0)
    adopt_checkpoints(work, asked)
    known = {"estimate_bytes": float(estimate.total_bytes)} if estimate else {}
    return carry_out(work, training_spec(work, label, params, seed), Destination(run_id, "validation", known, work.objectives))


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a process's figures go.

    Attributes:
        run_id: MLflow run, already started.
        split: The functions its suites are for.
        known: Metrics known beforehand.
        required: Metrics without which the process counts as failed.
    """

    run_id: str
    split: str
    known: Mapping[str, float] = field(default_factory=dict)
    required: tuple[str, ...] = ()


def predict(config: SweepConfig, materials: Materials, params: TrialParams) -> MemoryEstimate | None:
    """The estimated peak of a trial; None for an architecture without a formula."""
    if materials.shape is None:
        return None
    if materials.probe.kind == "cuda":
        device = DeviceProfile.cuda(dtype_bytes(config.model.dtype))
    else:
        device = DeviceProfile.host(dtype_bytes(cpu_dtype(config.model.dtype, params.quantization, materials.cpuinfo)))
    return estimate_peak(materials.shape, params, replace(device, double_quant=config.model.double_quant))


def carry_out(work: Workplace, spec: TrialSpec, to: Destination) -> Outcome:
    """Run a trial process and score what it wrote; the run is closed in MLflow."""
    started = time.monotonic()
    child = run_child(work, spec, to.run_id, work.config.study.trial_timeout_s)
    outcome = judge(child.ended, child.result, work.materials.budget)
    outcome = replace(outcome, metrics={**to.known, **outcome.metrics})
    report = None
    if outcome.ending is Ending.COMPLETED:
        outcome, report = _scored(work, child, to, outcome)
    _track_files(work, child, to.run_id, report)
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


def _track_files(work: Workplace, child: ChildRun, run_id: str, report: Report | None) -> None:
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
