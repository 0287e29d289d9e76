"""Which view a command gets, by its options and by what its output goes to."""

from __future__ import annotations

from collections.abc import Callable
from typing import TextIO

from rich.console import Console

from harness.console.json_view import JsonView
from harness.console.plain_view import PlainView
from harness.console.quiet_view import QuietView
from harness.console.rich_view import RichView
from harness.console.view import SweepView


def select_view(stream: TextIO, quiet: bool, json: bool, now: Callable[[], float]) -> SweepView:
    """Choose the view.

    Args:
        stream: Standard output.
        quiet: `--quiet`: failures and the final table; with `json`, the one object of the end.
        json: `--json`: one JSON object per line.
        now: Seconds since the epoch.

    Returns:
        JSON or quiet when asked for; otherwise the live display on a capable terminal, and plain lines on anything else.
    """
    if json:
        return JsonView(stream, now, only_summary=quiet)
    if quiet:
        return QuietView(stream)
    console = Console(file=stream, highlight=False)
    if console.is_terminal and not console.is_dumb_terminal and console.encoding.startswith("utf"):
        return RichView(console, now)
    return PlainView(stream, now)
