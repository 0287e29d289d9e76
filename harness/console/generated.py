"""What `harness generate` prints: one line for each function, the sums, what was left out and why."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.core.generated import FunctionOutcome

PIPE_WIDTH = 120
NAMED = 8
"""Functions that are named one by one where something was left out."""


def console() -> Console:
    """Standard output; a pipe gets a width of its own, because there is none to ask for."""
    found = Console(highlight=False, markup=False, emoji=False)
    return found if found.is_terminal else Console(highlight=False, markup=False, emoji=False, width=PIPE_WIDTH)


def summary(rows: Sequence[FunctionOutcome], total: FunctionOutcome) -> Table:
    """The table: functions in order, then all."""
    table = Table("function", "tests", "lines", "branches", "mutants killed", "s", box=box.SIMPLE_HEAD)
    for column in table.columns[1:]:
        column.justify = "right"
    table.columns[0].overflow = "fold"
    for row in rows:
        table.add_row(*_cells(row), style=None if row.kept else "dim")
    if len(rows) > 1:
        table.add_section()
        table.add_row(*_cells(total))
    return table


def remarks(rows: Sequence[FunctionOutcome], left_out: Sequence[tuple[str, str]], not_reached: Sequence[str]) -> list[Text]:
    """Why functions have no tests, most telling first."""
    found = [Text(f"no test for {row.name}: {row.reason}") for row in rows if not row.kept]
    reasons: dict[str, list[str]] = {}
    for name, reason in left_out:
        reasons.setdefault(reason, []).append(name)
    found += [Text(f"left out: {_listed(names)}: {reason}") for reason, names in reasons.items()]
    if not_reached:
        found.append(Text(f"not reached, the time was up: {_listed(not_reached)}"))
    return found


def _cells(row: FunctionOutcome) -> tuple[str, ...]:
    pairs = (row.lines, row.branches, row.mutants)
    return (row.name, f"{row.kept} of {row.written}", *map(_pair, pairs), f"{row.seconds:.0f}")


def _pair(pair: tuple[int, int]) -> str:
    return f"{pair[0]} of {pair[1]}" if pair[1] else "-"


def _listed(names: Sequence[str]) -> str:
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")
