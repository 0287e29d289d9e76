"""What `harness pareto` and `harness doctor` print, on a terminal, a pipe, or as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TextIO

from rich.console import Console

from harness.console.json_view import as_json as to_json
from harness.console.tables import plain_pareto, rich_pareto
from harness.console.view import ResultRow
from harness.core.pareto import Objective


def render_front(
    study: str, rows: Sequence[ResultRow], objectives: Sequence[Objective], stream: TextIO, *, as_json: bool
) -> None:
    """Print the front, what it dominates, and the baselines.

    Args:
        study: The study's name.
        rows: Trials and baselines.
        objectives: In column order.
        stream: Standard output.
        as_json: One JSON object instead of a table.
    """
    if as_json:
        said = {"event": "pareto", "study": study, "objectives": to_json(tuple(objectives)), "rows": to_json(tuple(rows))}
        stream.write(json.dumps(said) + "\n")
        return
    console = Console(file=stream, highlight=False)
    if console.is_terminal:
        console.print(rich_pareto(rows, objectives, console.width))
    else:
        stream.write("\n".join(plain_pareto(rows, objectives)) + "\n")
