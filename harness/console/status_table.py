"""What `harness status` shows: who runs, who waits, what has ended, the front so far. Reading it is the sweep's.

Owns the layout on a terminal, in a pipe, and as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from harness.console.json_view import as_json
from harness.console.tables import aligned, plain_pareto, rich_pareto
from harness.console.text import ABSENT, compact, duration, encodable, gib
from harness.console.view import ResultRow
from harness.core.pareto import Objective

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class RunningTrial:
    """A trial that somebody works on.

    Attributes:
        number: Its number.
        params: Searched parameter -> value.
        holder: Who works on it, ``HOST:PID``.
        silent_s: Seconds since it was last heard of, by the database's clock.
        dead: Whether its holder is dead: another sweep takes it up.
        rung: Index of the rung it is on its way to; None where it has not said yet.
        phase: ``load``, ``train``, ``generate`` or ``score``; empty where it has not said yet.
        step: Done in the phase.
        total: Of the phase; 0 where unknown.
        used_bytes: What it holds; None where it is not measured.
        eta_s: Seconds until the phase ends; None where unknown.
    """

    number: int
    params: Mapping[str, Any]
    holder: str
    silent_s: float
    dead: bool
    rung: int | None = None
    phase: str = ""
    step: int = 0
    total: int = 0
    used_bytes: int | None = None
    eta_s: float | None = None


@dataclass(frozen=True, slots=True)
class StudyStatus:
    """A study at one moment.

    Attributes:
        study: Its name.
        swept: Who sweeps it, in words; empty where nobody does.
        finished: Whether its sweep came to its end.
        n_trials: How many trials are asked for.
        left: How many of them have not been started.
        queued: Settings that wait to be tried before anything is proposed.
        rungs: How many there are, the full one included.
        running: Trials under way.
        waiting: Index of a rung -> trials that wait there.
        broken_off: Trials that the next sweep takes up.
        ended: Ending -> trials that ended so.
        requests: What was asked from other terminals and is not answered yet, in words.
        rows: Every ended trial and the baselines.
        objectives: In order.
    """

    study: str
    swept: str
    finished: bool
    n_trials: int
    left: int
    queued: int
    rungs: int
    running: tuple[RunningTrial, ...]
    waiting: Mapping[int, tuple[int, ...]]
    broken_off: tuple[int, ...]
    ended: Mapping[str, int]
    requests: tuple[str, ...]
    rows: tuple[ResultRow, ...]
    objectives: tuple[Objective, ...]


def render_status(status: StudyStatus, stream: TextIO, *, json_: bool = False) -> None:
    """Write it once: one JSON object, tables on a terminal, aligned text elsewhere."""
    if json_:
        stream.write(status_json(status) + "\n")
        stream.flush()
        return
    console = Console(file=stream, highlight=False)
    if console.is_terminal and not console.is_dumb_terminal and console.encoding.startswith("utf"):
        console.print(rich_status(status, console.width))
        return
    encoding = getattr(stream, "encoding", None) or "utf-8"
    stream.writelines(encodable(line, encoding) + "\n" for line in plain_status(status))
    stream.flush()


def status_json(status: StudyStatus) -> str:
    """One line of JSON."""
    fields = as_json(status)
    front = [row for row in fields.pop("rows") if row["on_front"]]
    return json.dumps({"schema": SCHEMA_VERSION, "event": "status", **fields, "front": front})


def rich_status(status: StudyStatus, width: int) -> RenderableType:
    """For a terminal of `width` columns."""
    parts: list[RenderableType] = [Text(heading(status), style="bold"), *(Text(line) for line in counts(status))]
    if status.running:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
        for name, numeric in zip(_HEADINGS, _NUMERIC, strict=True):
            table.add_column(name, justify="right" if numeric else "left", no_wrap=True, overflow="ellipsis")
        for trial in status.running:
            table.add_row(*_cells(trial, status.rungs), style="yellow" if trial.dead else "")
        parts.append(table)
    parts += [Text(f"! {note}", style="yellow") for note in notes(status)]
    if any(row.on_front for row in status.rows):
        parts += [Text("front so far", style="bold"), rich_pareto(_worth_showing(status.rows), status.objectives, width)]
    return Group(*parts)


def plain_status(status: StudyStatus) -> list[str]:
    """As lines of text."""
    lines = [heading(status), *counts(status)]
    if status.running:
        lines += aligned((_HEADINGS, *(_cells(trial, status.rungs) for trial in status.running)), _NUMERIC)
    lines += [f"note: {note}" for note in notes(status)]
    if any(row.on_front for row in status.rows):
        lines += ["front so far", *plain_pareto(_worth_showing(status.rows), status.objectives)]
    return lines


_HEADINGS = ("trial", "rung", "phase", "step", "memory", "left", "settings")
_NUMERIC = (True, False, False, True, True, True, False)


def _cells(trial: RunningTrial, rungs: int) -> tuple[str, ...]:
    rung = f"{trial.rung + 1}/{rungs}" if trial.rung is not None else ABSENT
    step = f"{trial.step}/{trial.total}" if trial.total else ABSENT
    used = gib(trial.used_bytes) if trial.used_bytes is not None else ABSENT
    left = duration(max(0.0, trial.eta_s - trial.silent_s)) if trial.eta_s is not None else ABSENT
    phase = "dead" if trial.dead else trial.phase or "starting"
    return (str(trial.number), rung, phase, step, used, left, compact(trial.params))


def _worth_showing(rows: Sequence[ResultRow]) -> tuple[ResultRow, ...]:
    """The front and the baselines it is compared with."""
    return tuple(row for row in rows if row.on_front or row.kind == "baseline")


def heading(status: StudyStatus) -> str:
    """Who sweeps it."""
    return f"study {status.study}: {status.swept or ('finished' if status.finished else 'nobody sweeps it')}"


def counts(status: StudyStatus) -> list[str]:
    """What has ended, what is under way, what is left."""
    ended = sum(status.ended.values())
    by_kind = ", ".join(f"{count} {_said(ending)}" for ending, count in status.ended.items() if count)
    begun = status.n_trials - status.left
    dead = sum(trial.dead for trial in status.running)
    alive = len(status.running) - dead
    under_way = [
        f"{alive} running" if alive else "",
        f"{dead} cut off" if dead else "",
        *(f"{len(numbers)} wait at rung {rung + 1} of {status.rungs}" for rung, numbers in status.waiting.items()),
        f"{len(status.broken_off)} broken off" if status.broken_off else "",
        f"{status.queued} queued" if status.queued else "",
    ]
    lines = [f"{begun} of {status.n_trials} trials begun, {ended} ended" + (f": {by_kind}" if by_kind else "")]
    said = ", ".join(part for part in under_way if part)
    return [*lines, said] if said else lines


def _said(ending: str) -> str:
    return {"completed": "complete", "pruned:rung": "cut", "pruned:memory": "out of memory", "pruned:unstable": "diverged"}.get(
        ending, ending.removeprefix("pruned:").removeprefix("failed:")
    )


def notes(status: StudyStatus) -> list[str]:
    """What a person may want to act on."""
    found = []
    dead = [str(trial.number) for trial in status.running if trial.dead]
    if dead:
        found.append(
            f"the process that worked on trial {', '.join(dead)} is dead; a sweep takes it up within a minute of starting"
        )
    elif status.broken_off and not status.swept:
        numbers = ", ".join(map(str, status.broken_off))
        found.append(f"trial {numbers} was broken off; `harness sweep FILE` takes it up from its last checkpoint")
    return found + [f"asked, not answered yet: {request}" for request in status.requests]
