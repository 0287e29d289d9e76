"""Which members of a front cannot be told apart from the one that was chosen. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from harness.core.paired import significantly_better
from harness.core.pareto import Direction

Rows = Sequence[Sequence[float | None]]
"""Shape ``(n_functions, n_objectives)``; None where an objective is not measured per function."""


def tied(ours: Rows, theirs: Rows, directions: Sequence[Direction], confidence: float) -> bool | None:
    """Whether no objective tells two trials apart, either way.

    Every objective is tested both ways; the confidence is divided by their number (Bonferroni), so that two trials that do not
    differ are called different in at most 1 - `confidence` of the cases.

    Args:
        ours: Per function and objective.
        theirs: The same functions in the same order.
        directions: Per objective.
        confidence: Of the whole statement, 0.5 <= confidence < 1.

    Returns:
        None where nothing was measured per function on both sides.
    """
    if len(ours) != len(theirs) or not ours:
        return None
    level = 1 - (1 - confidence) / (2 * len(directions))
    verdicts = []
    for axis, direction in enumerate(directions):
        sign = 1.0 if direction == "maximize" else -1.0
        a, b = _column(ours, axis, sign), _column(theirs, axis, sign)
        verdicts += [significantly_better(a, b, level), significantly_better(b, a, level)]
    known = [verdict for verdict in verdicts if verdict is not None]
    return not any(known) if known else None


def _column(rows: Rows, axis: int, sign: float) -> list[float | None]:
    return [None if row[axis] is None else sign * float(row[axis] or 0.0) for row in rows]
