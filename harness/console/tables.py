"""The final table: the front, what it dominates, the baselines beside it, and what did not finish. Pure.

The same cells are rendered for a terminal (rich) and for a pipe (aligned text); `harness pareto` uses both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from rich import box
from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from harness.console.text import SHORT_SETTINGS, compact, measured, ordered_settings, setting, short_metric
from harness.console.unfinished import is_unfinished, unfinished
from harness.console.view import ResultRow
from harness.core.pareto import Objective

KNEE, FRONT = "★", "●"
_ARROWS = {"maximize": "↑", "minimize": "↓"}
_GAP = 2


class Settings(Enum):
    """How much room the settings get."""

    APART = "a column for each"
    TOGETHER = "one column for all"
    TIGHT = "one column for rank, learning rate and quantization"


@dataclass(frozen=True, slots=True)
class Cells:
    """A table as text.

    Attributes:
        headings: One per column.
        numeric: Whether the column is flush right.
        rows: Cells, one per heading.
        sources: The record behind each row.
        starts: Indices of the rows that open a new section.
        common: Settings that are the same in every trial of the table and have no column.
    """

    headings: tuple[str, ...]
    numeric: tuple[bool, ...]
    rows: tuple[tuple[str, ...], ...]
    sources: tuple[ResultRow, ...]
    starts: frozenset[int]
    common: Mapping[str, Any]

    def width(self) -> int:
        """Cells of the widest line."""
        return sum(_widths((self.headings, *self.rows))) + _GAP * (len(self.headings) - 1)


def pareto_cells(rows: Sequence[ResultRow], objectives: Sequence[Objective], room: Settings = Settings.APART) -> Cells:
    """The cells of the final table: the front, what it dominates, the baselines.

    Args:
        rows: Trials and baselines; those that did not complete are left to `unfinished`.
        objectives: In column order.
        room: How the settings are laid out.
    """
    sections = _sections(rows, objectives)
    shown = [row for section in sections for row in section]
    front, dominated = len(sections[0]), len(sections[1])
    common = _common_settings([row for row in shown if row.params])
    names = [n for n in _setting_names(shown) if n not in common]
    apart = room is Settings.APART
    settings = [SHORT_SETTINGS.get(n, n) for n in names] if apart else ["settings"] * bool(names)
    numeric = [n != "quantization" for n in names] if apart else [False] * len(settings)
    return Cells(
        headings=("", "", *settings, *(f"{short_metric(o.name)} {_ARROWS[o.direction]}" for o in objectives)),
        numeric=(False, False, *numeric, *[True] * len(objectives)),
        rows=tuple((_mark(r), r.label, *_settings(r, names, room), *_figures(r, objectives)) for r in shown),
        sources=tuple(shown),
        starts=frozenset({front, front + dominated} - {0, len(shown)}),
        common=common,
    )


def _mark(row: ResultRow) -> str:
    return KNEE if row.is_knee else FRONT if row.on_front else ""


def _settings(row: ResultRow, names: Sequence[str], room: Settings) -> list[str]:
    own = {name: row.params[name] for name in names if row.params.get(name) is not None}
    if room is Settings.APART:
        return [setting(name, own[name]) if name in own else "" for name in names]
    return [compact(own, tight=room is Settings.TIGHT)] * bool(names)


def _figures(row: ResultRow, objectives: Sequence[Objective]) -> list[str]:
    return [measured(o.name, row.values.get(o.name)) for o in objectives]


def _common_settings(trials: Sequence[ResultRow]) -> dict[str, Any]:
    if len(trials) < 2:
        return {}
    names = ordered_settings(trials[0].params)
    return {n: trials[0].params[n] for n in names if all(t.params.get(n) == trials[0].params[n] for t in trials)}


def _sections(rows: Sequence[ResultRow], objectives: Sequence[Objective]) -> tuple[list[ResultRow], ...]:
    measured_rows = [row for row in rows if not is_unfinished(row)]
    trials = sorted((r for r in measured_rows if r.kind == "trial"), key=lambda row: _rank(row, objectives))
    baselines = [row for row in measured_rows if row.kind == "baseline"]
    return [r for r in trials if r.on_front], [r for r in trials if not r.on_front], baselines


def _rank(row: ResultRow, objectives: Sequence[Objective]) -> tuple[tuple[bool, float], ...]:
    figures = [(o, row.values.get(o.name)) for o in objectives]
    return tuple((f is None, 0.0 if f is None else -f.value if o.direction == "maximize" else f.value) for o, f in figures)


def _setting_names(rows: Sequence[ResultRow]) -> list[str]:
    union = {name: row.params[name] for row in rows for name in ordered_settings(row.params)}
    return ordered_settings(union)


def legend(rows: Sequence[ResultRow], *, marks: bool = True) -> str:
    """What the marks and the interval mean; empty when there is nothing to explain."""
    parts = []
    if marks and any(row.is_knee for row in rows):
        parts.append(f"{KNEE} knee of the front")
    if marks and any(row.on_front and not row.is_knee for row in rows):
        parts.append(f"{FRONT} on the front")
    if any(figure is not None and figure.low is not None for row in rows for figure in row.values.values()):
        parts.append("± half the 95 % interval")
    return " · ".join(parts)


def rich_pareto(rows: Sequence[ResultRow], objectives: Sequence[Objective], width: int) -> RenderableType:
    """The final table for a terminal of `width` columns: the roomiest layout that fits."""
    layouts = [pareto_cells(rows, objectives, room) for room in Settings]
    cells = next((layout for layout in layouts if layout.width() <= width), layouts[-1])
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for heading, numeric in zip(cells.headings, cells.numeric, strict=True):
        table.add_column(heading, justify="right" if numeric else "left")
    for index, (row, source) in enumerate(zip(cells.rows, cells.sources, strict=True)):
        table.add_row(*row, style=_row_style(source), end_section=index + 1 in cells.starts)
    body: list[RenderableType] = [table] if cells.rows else [Text("no trial completed", style="yellow")]
    notes = [Text(note, style="dim") for note in _notes(cells)]
    return Group(*body, *notes, *([_unfinished_grid(rows)] if unfinished(rows) else []))


def _unfinished_grid(rows: Sequence[ResultRow]) -> Table:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=1, style="yellow")
    grid.add_column(overflow="fold")
    for line in unfinished(rows):
        grid.add_row("⊘", line)
    return grid


def _notes(cells: Cells, *, marks: bool = True) -> list[str]:
    common = f"the same in every trial above: {compact(cells.common)}" if cells.common else ""
    return [note for note in (legend(cells.sources, marks=marks), common) if note]


def _row_style(row: ResultRow) -> str:
    if row.is_knee:
        return "bold green"
    if row.on_front:
        return "green"
    return "cyan" if row.kind == "baseline" else ""


def plain_pareto(rows: Sequence[ResultRow], objectives: Sequence[Objective]) -> list[str]:
    """The final table as aligned lines of text; words instead of marks."""
    cells = pareto_cells(rows, objectives)
    if not cells.rows:
        return ["no trial completed", *unfinished(rows)]
    words = {KNEE: "knee", FRONT: "front", "": ""}
    worded = tuple((words[row[0]], *row[1:]) for row in cells.rows)
    return [*aligned((cells.headings, *worded), cells.numeric), *_notes(cells, marks=False), *unfinished(rows)]


def aligned(rows: Sequence[Sequence[str]], numeric: Sequence[bool]) -> list[str]:
    """Rows of cells as lines with aligned columns, two blanks apart; numeric columns are flush right."""
    widths = _widths(rows)
    return [
        (" " * _GAP).join(c.rjust(w) if right else c.ljust(w) for c, w, right in zip(row, widths, numeric, strict=True)).rstrip()
        for row in rows
    ]


def _widths(rows: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
