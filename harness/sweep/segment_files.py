"""The files that a trial process left, on their way to its MLflow run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from evaluation import Report
from harness.core.outcome import Ending, Outcome
from harness.sweep.crew import Segment
from harness.sweep.forensics import memory_record
from harness.sweep.runner import ChildRun
from harness.sweep.samples import read_samples, untuned_folders
from harness.sweep.summary import figure
from harness.sweep.workplace import Workplace
from harness.tracking.memory import MemoryRecord
from harness.tracking.metrics import RUNG_PREFIX
from harness.tracking.run_files import RunFiles, RungReached, RunReport
from harness.trial.trial_dir import TrialDir


def files_of(child: ChildRun, report: Report | None, memory: MemoryRecord, said: RunReport) -> RunFiles:
    """What a process left that MLflow keeps, all but the adapter.

    Args:
        child: The process.
        report: Its scores, where it was scored.
        memory: What is known of its memory.
        said: What its own report is made of.
    """
    table: list[dict[str, Any]] = [score.to_row() for score in report.scores] if report else []
    folder = child.folder
    return RunFiles(
        suites_file=folder.suites_file,
        table=table,
        events_file=folder.events_file,
        config_text=folder.spec_file.read_text("utf-8"),
        log_file=folder.log_file,
        memory=memory,
        report=said,
        figures=_figures(report) if report else (),
    )


def _figures(report: Report) -> list[dict[str, Any]]:
    """Every figure with its interval, its count, and what it is over the valid suites and of the oracle's."""
    found = report.aggregate
    return [
        {"figure": name, **asdict(mean), "at_valid": found.at_valid.get(name), "of_ceiling": found.of_ceiling.get(name)}
        for name, mean in found.means.items()
    ]


def report_of(work: Workplace, folder: TrialDir, split: str, rungs: Sequence[RungReached] = ()) -> RunReport:
    """What the report of a process is made of, beside its own files.

    Args:
        work: The sweep.
        folder: Of the process.
        split: The functions that its suites are for.
        rungs: What the trial was worth at its rungs.
    """
    untuned = untuned_folders(work.paths, work.ledger) if folder.suites_file.exists() else ()
    return RunReport(rungs, read_samples(folder, untuned, split), folder.path)


def track_files(work: Workplace, segment: Segment, child: ChildRun, outcome: Outcome, report: Report | None) -> None:
    """Store what a segment left; the adapter only of a whole training."""
    whole = segment.last and child.result is not None and child.result.facts.get("adapter_sha256")
    memory = memory_record(work, segment.judged, outcome, child)
    said = report_of(work, child.folder, "validation", _rungs(work, segment, outcome))
    files = files_of(child, report, memory, said)
    work.tracker.log_artifacts(segment.run_id, replace(files, adapter_dir=child.folder.adapter_dir if whole else None))
    if child.result is not None and child.result.facts:
        work.tracker.tag_run(segment.run_id, child.result.facts)


def _rungs(work: Workplace, segment: Segment, outcome: Outcome) -> list[RungReached]:
    """What is written down of the rungs below, and what this segment has just come to."""
    metrics = {rung: kept for rung, kept in work.ledger.metrics_at_rungs(segment.number).items() if rung < segment.rung}
    reached = [_reached(work, rung, RUNG_PREFIX, kept) for rung, kept in metrics.items()]
    if outcome.ending is Ending.COMPLETED:
        reached.append(_reached(work, segment.rung, "", outcome.metrics))
    return reached


def _reached(work: Workplace, rung: int, prefix: str, metrics: Mapping[str, float]) -> RungReached:
    figures = {name: figure(metrics, f"{prefix}{name}") for name in work.objectives}
    return RungReached(rung, int(metrics.get("steps", 0)), {name: known for name, known in figures.items() if known is not None})
