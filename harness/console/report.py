"""What `harness pareto` and `harness doctor` print, on a terminal, a pipe, or as JSON."""

from __future__ import annotations

import json
from typing import TextIO

from rich.console import Console

from harness.console.front import FrontPage, note_lines
from harness.console.json_view import as_json as to_json
from harness.console.tables import plain_pareto, rich_pareto

_PIPE_WIDTH = 120


def render_front(front: FrontPage, stream: TextIO, *, as_json: bool) -> None:
    """Print the front, what it dominates, the baselines, and the notes.

    Args:
        front: What there is to show.
        stream: Standard output.
        as_json: One JSON object instead of a table.
    """
    rows, objectives, notes = front.rows, front.objectives, front.notes
    if as_json:
        said = {"event": "pareto", "study": front.study, "objectives": to_json(tuple(objectives)), "rows": to_json(tuple(rows))}
        said |= {"notes": to_json(notes)}
        stream.write(json.dumps(said) + "\n")
        return
    console = Console(file=stream, highlight=False)
    if console.is_terminal:
        console.print(rich_pareto(rows, objectives, console.width), "\n".join(note_lines(notes, console.width)), sep="\n")
    else:
        stream.write("\n".join([*plain_pareto(rows, objectives), *note_lines(notes, _PIPE_WIDTH)]) + "\n")
