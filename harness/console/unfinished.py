"""The lines below the final table: trials that did not complete, many of a kind in one line. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.console.text import ABSENT, compact
from harness.console.view import ResultRow
from harness.core.outcome import Ending

_MOST_NAMED = 12
_MOST_ALIKE = 5


def is_unfinished(row: ResultRow) -> bool:
    """Whether a row stands below the table instead of in it."""
    return row.ending is not Ending.COMPLETED


def unfinished(rows: Iterable[ResultRow]) -> list[str]:
    """Every row that did not complete.

    Trials cut at a rung share a line for each rung. Of the others each has its own (label, settings, ending, reason), unless
    there are many that ended alike: then the last one stands for all.
    """
    left = [row for row in rows if is_unfinished(row)]
    alike: dict[Ending, list[ResultRow]] = {}
    for row in left:
        if row.rung is None:
            alike.setdefault(row.ending, []).append(row)
    rungs = sorted({row.rung for row in left if row.rung is not None})
    own = [line for some in alike.values() for line in _lines(some)]
    return [*own, *(_cut(rung, [row for row in left if row.rung == rung]) for rung in rungs)]


def _lines(rows: Sequence[ResultRow]) -> list[str]:
    if len(rows) <= _MOST_ALIKE:
        return [_line(row) for row in rows]
    return [f"{len(rows)} {rows[0].ending}, the last of them {_line(rows[-1])}"]


def _line(row: ResultRow) -> str:
    settings = f" ({compact(row.params, tight=True)})" if row.params else ""
    return f"{row.label}{settings}, {row.ending}: {row.reason or ABSENT}"


def _cut(rung: int, rows: Sequence[ResultRow]) -> str:
    """``3 cut at rung 1: trial 2, 5, 7``."""
    numbers = ", ".join(row.label.removeprefix("trial ") for row in rows)
    return f"{len(rows)} cut at rung {rung + 1}" + (f": trial {numbers}" if len(rows) <= _MOST_NAMED else "")
