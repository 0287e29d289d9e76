"""What stands beside a run, as values: its files and what its report is made of.

Writing them is `artifacts`' and `run_report`'s, which take a second to import: matplotlib and plotly draw there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.core.measured import Measured
from harness.tracking.memory import MemoryRecord
from harness.tracking.samples import Samples

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RungReached:
    """What a trial was worth when it had done so much.

    Attributes:
        rung: Index of the rung, 0 the lowest.
        step: Optimizer steps done.
        values: Objective -> figure; empty where the validation loss alone was looked at.
    """

    rung: int
    step: int
    values: Mapping[str, Measured] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunReport:
    """What a report is made of beside the events.

    Attributes:
        rungs: What the trial was worth at the rungs it has reached, lowest first.
        samples: Its suites beside those of the untuned base; None where it wrote none.
        folder: Of the trial: the report is kept there too.
    """

    rungs: Sequence[RungReached] = ()
    samples: Samples | None = None
    folder: Path | None = None


@dataclass(frozen=True, slots=True)
class RunFiles:
    """What a child run leaves; a path that is None or does not exist is skipped.

    Attributes:
        adapter_dir: The trained adapter.
        suites_file: suites.jsonl as the trial wrote it.
        table: One row per function (suite, verdict, coverage, mutants killed ...); the columns are the union of the keys.
        events_file: events.jsonl; metrics.csv, train.log and loss.png are made from it.
        config_text: The resolved settings of the run.
        log_file: What the trial process printed.
        memory: What was predicted and observed of its memory.
        report: What else its report is made of.
        figures: One row per figure: its mean with everything that is known of it.
    """

    adapter_dir: Path | None = None
    suites_file: Path | None = None
    table: Sequence[Row] = ()
    events_file: Path | None = None
    config_text: str | None = None
    log_file: Path | None = None
    memory: MemoryRecord | None = None
    report: RunReport = field(default_factory=RunReport)
    figures: Sequence[Row] = ()


def table_tag(tables: Iterable[str]) -> tuple[str, str]:
    """The tag, key and value, by which the MLflow UI recognises tables among the artifacts.

    Source: MLflow 3.17.2, `MlflowClient.log_table`, which does the same one table at a time and reads the run back.
    """
    return "mlflow.loggedArtifacts", json.dumps([{"path": path, "type": "table"} for path in tables])
