"""Owns how the outcome of `harness data map` looks: a few lines for a person, one JSON object for a program."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TextIO

from rich.console import Group, RenderableType
from rich.text import Text

from harness.data.inspection.tables import clean, grid, show, table_of, titled
from harness.data.mapping.run import RECORDS, MapReport

_SHOWN = 10


def render(report: MapReport, out: Path, stream: TextIO, *, fresh: bool, as_json: bool) -> None:
    """Write what a mapping made of a source.

    Args:
        report: The counts.
        out: The folder.
        stream: Standard output.
        fresh: Whether the folder was written now.
        as_json: One JSON object instead of text.
    """
    if as_json:
        said = {**report.to_json(), "out": str(out), "written": fresh, "data_source": _source(out)}
        said["broken_rows"] = said["broken_rows"][:_SHOWN]
        stream.write(json.dumps(said) + "\n")
        return
    done = "MAPPED" if fresh else "ALREADY THERE"
    parts: list[RenderableType] = [
        Text.assemble((done, "bold green"), f"  {report.records:,} records from {report.rows:,} rows"),
        Text(),
        grid(
            {
                "original": f"{report.source}, only read (sha256 {report.source_sha256[:16]}...)",
                "records": f"{report.records:,}, {report.with_suite:,} of them with an oracle suite",
                "left out": f"{report.broken:,} broken rows, {report.repeated:,} that repeat an earlier one",
                "folder": str(out),
            }
        ),
    ]
    if report.broken_rows:
        rows = [(row.place, row.found, row.allowed) for row in report.broken_rows[:_SHOWN]]
        title = f"Broken rows (the first {len(rows)} of {report.broken:,}; report.json names more)"
        parts.append(titled(title, table_of(("where", "found", "allowed"), rows, left=3)))
    parts += [Text(), Text(clean(f"next: harness data inspect {_source(out)}"), style="bold")]
    show(Group(*parts), stream)


def _source(out: Path) -> str:
    return f"jsonl:{out / RECORDS}"
