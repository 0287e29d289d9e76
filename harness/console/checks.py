"""What `harness doctor` and `harness preflight` found, and how it is shown: table, plain text, JSON. Finding it is theirs."""

from __future__ import annotations

import json as json_format
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, TextIO

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from harness.console.text import encodable
from harness.core.errors import ExitCode

SCHEMA_VERSION = 1


class CheckState(StrEnum):
    """How a check went; only `FAIL` keeps a sweep from starting."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: What was looked at.
        state: How it went.
        found: What is there, for a person; never the value of a credential.
        fix: What to do about it; empty when there is nothing to do.
        code: Exit code that a sweep ends with if this has failed.
    """

    name: str
    state: CheckState
    found: str
    fix: str = ""
    code: ExitCode = ExitCode.ENVIRONMENT

    def to_dict(self) -> Mapping[str, Any]:
        """JSON-ready; the code stands at failures only."""
        fields = asdict(self)
        return fields if self.state is CheckState.FAIL else {key: fields[key] for key in ("name", "state", "found", "fix")}


def exit_code(checks: Sequence[Check]) -> ExitCode:
    """OK when a sweep can start, else the code of the first failure."""
    return next((check.code for check in checks if check.state is CheckState.FAIL), ExitCode.OK)


def verdict(checks: Sequence[Check]) -> str:
    """One closing line."""
    failed = [check.name for check in checks if check.state is CheckState.FAIL]
    warned = sum(check.state is CheckState.WARN for check in checks)
    if failed:
        return f"a sweep cannot start yet: {', '.join(failed)}"
    return "a sweep can start" + (f" ({warned} remark{'s' * (warned > 1)})" if warned else "")


def render_checks(checks: Sequence[Check], stream: TextIO, *, json: bool = False) -> None:
    """Write the checks: one JSON object, a table on a terminal, aligned text elsewhere."""
    if json:
        ready = exit_code(checks) is ExitCode.OK
        report = {"schema": SCHEMA_VERSION, "ready": ready, "checks": [check.to_dict() for check in checks]}
        stream.write(json_format.dumps(report) + "\n")
        return
    console = Console(file=stream, highlight=False)
    if console.is_terminal and not console.is_dumb_terminal and console.encoding.startswith("utf"):
        console.print(checks_table(checks), Text(verdict(checks), style="bold"))
        return
    encoding = getattr(stream, "encoding", None) or "utf-8"
    stream.writelines(encodable(line, encoding) + "\n" for line in plain_checks(checks))


_GLYPHS = {CheckState.OK: ("✓", "green"), CheckState.WARN: ("!", "yellow"), CheckState.FAIL: ("✗", "red")}


def checks_table(checks: Sequence[Check]) -> RenderableType:
    """The table for a terminal; what to do stands under what was found."""
    table = Table(box=box.SIMPLE, show_header=False, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column(width=1)
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    for check in checks:
        glyph, colour = _GLYPHS[check.state]
        found = Text(check.found)
        if check.fix:
            found.append("\n→ ", style=colour).append(check.fix, style=colour)
        table.add_row(Text(glyph, style=f"bold {colour}"), check.name, found)
    return table


def plain_checks(checks: Sequence[Check]) -> list[str]:
    """The same as lines of text."""
    width = max((len(check.name) for check in checks), default=0)
    lines = []
    for check in checks:
        lines.append(f"{check.state:<4}  {check.name:<{width}}  {check.found}")
        if check.fix:
            lines.append(f"{'':<4}  {'':<{width}}  fix: {check.fix}")
    return [*lines, verdict(checks)]
