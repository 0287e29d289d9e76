"""The files that a trial process left, on their way to its MLflow run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from evaluation import Report
from harness.core.outcome import Outcome
from harness.sweep.crew import Segment
from harness.sweep.forensics import memory_record
from harness.sweep.runner import ChildRun
from harness.sweep.workplace import Workplace
from harness.tracking.artifacts import RunFiles
from harness.tracking.memory import MemoryRecord


def files_of(child: ChildRun, report: Report | None, memory: MemoryRecord, adapter_dir: Path | None = None) -> RunFiles:
    """What a process left that MLflow keeps.

    Args:
        child: The process.
        report: Its scores, where it was scored.
        memory: What is known of its memory.
        adapter_dir: The adapter, where it is worth keeping.
    """
    table: list[dict[str, Any]] = [score.to_row() for score in report.scores] if report else []
    folder = child.folder
    return RunFiles(
        adapter_dir=adapter_dir,
        suites_file=folder.suites_file,
        table=table,
        events_file=folder.events_file,
        config_text=folder.spec_file.read_text("utf-8"),
        log_file=folder.log_file,
        memory=memory,
    )


def track_files(work: Workplace, segment: Segment, child: ChildRun, outcome: Outcome, report: Report | None) -> None:
    """Store what a segment left; the adapter only of a whole training."""
    whole = segment.last and child.result is not None and child.result.facts.get("adapter_sha256")
    memory = memory_record(work, segment.judged, outcome, child)
    work.tracker.log_artifacts(segment.run_id, files_of(child, report, memory, child.folder.adapter_dir if whole else None))
    if child.result is not None and child.result.facts:
        work.tracker.tag_run(segment.run_id, child.result.facts)
