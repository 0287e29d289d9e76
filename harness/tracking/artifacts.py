"""The files that stand beside a run: tables, suites, plots. Writes them into a folder; uploading is the tracker's."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.core.pareto import Objective
from harness.tracking import interactive, plots
from harness.tracking.interactive_study import study_html
from harness.tracking.memory import MemoryRecord, as_json, term_rows
from harness.tracking.memory_plot import memory_figure
from harness.tracking.parallel import parallel_coordinates
from harness.tracking.points import TrialPoint, rows
from harness.tracking.run_files import Row, RunFiles
from harness.tracking.run_report import write_run_report
from harness.tracking.search import SearchRecord, importance_rows, rung_rows, volume_rows
from harness.tracking.search_plot import importance_bars, learning_curves
from harness.tracking.slices import slice_figure
from harness.tracking.study_plots import pareto_3d, volume_figure
from harness.trial.spec import GeneratedSuite, read_suites


def write_run_files(files: RunFiles, folder: Path) -> list[str]:
    """Write all but the adapter into `folder`.

    Returns:
        The paths, relative to `folder`, of the tables that MLflow shows.
    """
    if files.config_text is not None:
        (folder / "trial.json").write_text(files.config_text, "utf-8")
    if files.suites_file is not None and files.suites_file.exists():
        _write_suites(files.suites_file, folder / "suites")
    write_run_report(files.report, files.events_file, files.log_file, folder)
    if files.log_file is not None and files.log_file.exists():
        (folder / "log.txt").write_bytes(files.log_file.read_bytes())
    memory = _write_memory(files.memory, folder) if files.memory is not None else []
    return [*write_table(files.figures, folder, "figures"), *write_table(files.table, folder, "functions"), *memory]


def write_sweep_files(points: Sequence[TrialPoint], objectives: Sequence[Objective], folder: Path) -> list[str]:
    """Write the plots and tables of a sweep into `folder`; without any point there is nothing to write.

    Returns:
        The paths, relative to `folder`, of the tables that MLflow shows.
    """
    if not points:
        return []
    plots.save(plots.pareto(points, objectives), folder / "pareto.png")
    (folder / "pareto.html").write_text(interactive.pareto_html(points, objectives), "utf-8")
    plots.save(parallel_coordinates(points, objectives), folder / "parallel_coordinates.png")
    (folder / "parallel_coordinates.html").write_text(interactive.parallel_html(points, objectives), "utf-8")
    every = rows(points, objectives)
    return [
        *write_table([row for row in every if row["on_front"]], folder, "front"),
        *write_table(every, folder, "trials"),
    ]


def write_search_files(search: SearchRecord, objectives: Sequence[Objective], folder: Path) -> list[str]:
    """Write learning curves, importances and the growth of the front into `folder`, those that there are.

    Returns:
        The paths, relative to `folder`, of the tables that MLflow shows.
    """
    if search.climbs:
        plots.save(learning_curves(search.curves, objectives), folder / "rungs.png")
    if search.importances:
        plots.save(importance_bars(search.importances), folder / "importances.png")
    if search.volumes:
        plots.save(volume_figure(search.volumes, search.volumes[-1].ended), folder / "hypervolume.png")
    return [
        *write_table(rung_rows(search.curves, objectives), folder, "rungs"),
        *write_table(importance_rows(search.importances), folder, "importances"),
        *write_table(volume_rows(search.volumes), folder, "hypervolume"),
    ]


def write_study_page(points: Sequence[TrialPoint], search: SearchRecord, objectives: Sequence[Objective], folder: Path) -> None:
    """Write what needs both the points and the search: slices, the front in 3D, and every interactive picture on one page."""
    if not points:
        return
    sliced = slice_figure(points, search, objectives)
    if sliced is not None:
        plots.save(sliced, folder / "slices.png")
    if len(objectives) >= 3:
        plots.save(pareto_3d(points, objectives), folder / "pareto_3d.png")
    (folder / "plots.html").write_text(study_html("Plots of the sweep", points, search, objectives), "utf-8")


def write_table(table: Sequence[Row], folder: Path, name: str) -> list[str]:
    """Write ``name.json``, in the layout of MLflow's own tables, and ``name.csv``.

    Returns:
        The path of the JSON table, relative to `folder`; empty when the table has no rows.
    """
    if not table:
        return []
    columns = list(dict.fromkeys(key for row in table for key in row))
    cells = [[_cell(row.get(column)) for column in columns] for row in table]
    (folder / f"{name}.json").write_text(json.dumps({"columns": columns, "data": cells}), "utf-8")
    with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([columns, *cells])
    return [f"{name}.json"]


def _write_memory(record: MemoryRecord, folder: Path) -> list[str]:
    """memory.json, memory.png where there is anything to draw, and the table of terms."""
    (folder / "memory.json").write_text(as_json(record), "utf-8")
    if record.curve or record.estimate is not None:
        plots.save(memory_figure(record), folder / "memory.png")
    return write_table(term_rows(record), folder, "memory_terms")


def _write_suites(source: Path, folder: Path) -> None:
    folder.mkdir()
    (folder / "suites.jsonl").write_bytes(source.read_bytes())
    for number, suite in enumerate(read_suites(source)):
        (folder / _file_name(number, suite)).write_text(suite.code, "utf-8")


def _file_name(number: int, suite: GeneratedSuite) -> str:
    """``test_HumanEval_12.py``; the number keeps names apart that differ only in what a file name cannot hold."""
    plain = re.sub(r"\W+", "_", suite.function_id, flags=re.ASCII).strip("_")
    return f"test_{number:03d}_{plain[:80]}.py"


def _cell(value: Any) -> Any:
    return value if value is None or isinstance(value, str | int | float | bool) else json.dumps(value, default=str)
