"""What `harness fsck` found and repaired, and how it is shown: text on a terminal or elsewhere, JSON. Finding it is not ours."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TextIO

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from harness.console.text import encodable

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class Shown:
    """One disagreement.

    Attributes:
        kind: Its name, for machines.
        subject: What it is about.
        found: What is there, and what should be.
        repair: What a repair does; empty where a person has to decide.
    """

    kind: str
    subject: str
    found: str
    repair: str


@dataclass(frozen=True, slots=True)
class Report:
    """What a look at a study came to.

    Attributes:
        study: Its name.
        looked_at: What was compared -> how many.
        left: Disagreements that are there now.
        repaired: Those that were and are not any more.
        swept: Who sweeps the study, in words; empty where nobody does.
    """

    study: str
    looked_at: Mapping[str, int]
    left: tuple[Shown, ...]
    repaired: tuple[Shown, ...]
    swept: str


def render_findings(report: Report, stream: TextIO, *, as_json: bool = False) -> None:
    """Write the report: one JSON object, coloured text on a terminal, plain text elsewhere."""
    if as_json:
        fields = {"schema": SCHEMA_VERSION, "clean": not report.left, **asdict(report)}
        stream.write(json.dumps(fields) + "\n")
        return
    console = Console(file=stream, highlight=False)
    if console.is_terminal and not console.is_dumb_terminal and console.encoding.startswith("utf"):
        _print(report, console)
        return
    encoding = getattr(stream, "encoding", None) or "utf-8"
    stream.writelines(encodable(line, encoding) + "\n" for line in plain_report(report))


def _print(report: Report, console: Console) -> None:
    console.print(Text(_heading(report), style="bold"))
    if report.swept:
        console.print(Text(f"! {report.swept}: what it works on is not judged", style="yellow"))
    for shown in report.repaired:
        console.print(Text.assemble(("✓ ", "bold green"), (shown.subject, "bold"), f"  {shown.kind}"))
        console.print(Padding(Text(_done(shown)), (0, 0, 0, 2)))
    for shown in report.left:
        console.print(Text.assemble(("✗ ", "bold red"), (shown.subject, "bold"), f"  {shown.kind}"))
        console.print(Padding(Text(shown.found), (0, 0, 0, 2)))
        if shown.repair:
            console.print(Padding(Text(f"→ --repair {shown.repair}", style="red"), (0, 0, 0, 2)))
    console.print(Text(verdict(report), style="bold"))


def plain_report(report: Report) -> list[str]:
    """The report as lines of text."""
    return [_heading(report), *_lines(report), verdict(report)]


def _lines(report: Report) -> Iterator[str]:
    if report.swept:
        yield f"note  {report.swept}: what it works on is not judged"
    for shown in report.repaired:
        yield f"done  {shown.subject}  {shown.kind}: {_done(shown)}"
    for shown in report.left:
        yield f"wrong {shown.subject}  {shown.kind}: {shown.found}"
        if shown.repair:
            yield f"      --repair {shown.repair}"


def _heading(report: Report) -> str:
    return f"study {report.study}: " + ", ".join(_counted(count, name) for name, count in report.looked_at.items())


def _done(shown: Shown) -> str:
    return f"{shown.found}: {shown.repair}"


def verdict(report: Report) -> str:
    """One closing line."""
    repaired = f"{len(report.repaired)} repaired, " if report.repaired else ""
    if not report.left:
        return f"{repaired}everything agrees"
    can = sum(bool(shown.repair) for shown in report.left)
    fix = f"; `harness fsck {report.study} --repair` puts {_of(can, len(report.left))} right" if can else ""
    return f"{repaired}{_counted(len(report.left), 'disagreement')}{fix}"


def _of(can: int, count: int) -> str:
    if can == count:
        return "it" if count == 1 else "all of them"
    return f"{can} of them"


def _counted(count: int, name: str) -> str:
    return f"{count} {name}" if count == 1 else f"{count} {name}s"
