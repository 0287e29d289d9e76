"""The report of one run, for a person: metrics.csv, train.log, loss.png and samples.md. A function of files and values.

Owns what stands in them. The same files lie in the trial's folder and with its MLflow run.
"""

from __future__ import annotations

import csv
import os
import shutil
from collections import deque
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

from harness.tracking.foreign import visible
from harness.tracking.loss_plot import loss_figure
from harness.tracking.plots import save
from harness.tracking.run_files import RunReport
from harness.tracking.run_log import COLUMNS, kept_events, log_lines, metric_rows
from harness.tracking.samples import samples_markdown
from harness.trial.events import Event, EventReader
from harness.trial.trial_dir import write_atomic

_LAST_LINES = 400  # of what the process printed; log.txt has the rest


def write_run_report(report: RunReport, events_file: Path | None, log_file: Path | None, target: Path) -> None:
    """Write what there is to say; a run that trained nothing has neither metrics nor losses.

    Args:
        report: See `RunReport`.
        events_file: events.jsonl; absent or missing where no process was started.
        log_file: What the process printed.
        target: An existing folder.
    """
    events = kept_events(EventReader(events_file).new()) if events_file is not None else []
    made = []
    rows = metric_rows(events)
    if rows:
        made += [_write_rows(rows, target / "metrics.csv"), target / "loss.png"]
        save(loss_figure(rows, report.rungs), target / "loss.png")
    if events:
        made.append(_write_log(events, log_file, target / "train.log"))
    if report.samples is not None and report.samples.shown:
        made.append(target / "samples.md")
        made[-1].write_text(samples_markdown(report.samples), "utf-8")
    if report.folder is not None and report.folder.is_dir():
        for path in made:
            _copy(path, report.folder / path.name)


def _write_rows(rows: Sequence[dict[str, object]], target: Path) -> Path:
    columns = list(dict.fromkeys(chain(COLUMNS, *rows)))
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return target


def _write_log(events: Sequence[Event], log_file: Path | None, target: Path) -> Path:
    lines = log_lines(events)
    if log_file is not None and log_file.exists():
        with log_file.open(encoding="utf-8", errors="replace") as printed:
            last = deque((visible(line.rstrip("\n")) for line in printed), maxlen=_LAST_LINES)
        lines += ["", f"What the process printed (the last {len(last)} lines; log.txt has all):", *last] if last else []
    write_atomic(target, "\n".join(lines) + "\n")
    return target


def _copy(source: Path, target: Path) -> None:
    """A reader of the trial's folder sees the old file or the new."""
    half = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.copyfile(source, half)
    half.replace(target)
