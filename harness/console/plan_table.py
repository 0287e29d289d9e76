"""How `harness plan` is shown: tables on a terminal, aligned text in a pipe, one JSON object with ``--json``.

The figures are `harness.core.plan`'s, the picture is `harness.tracking.plan_plot`'s.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TextIO

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from harness.console.tables import aligned
from harness.console.text import encodable, setting
from harness.core.plan import Fate, Plan, changes, main_terms, peaks, shares
from harness.core.speed import Seconds

SCHEMA_VERSION = 1
_TERMS = 7
_GIB = 1 << 30
_COLOURS = {Fate.FITS: "green", Fate.ADAPTED: "yellow", Fate.REFUSED: "red"}


@dataclass(frozen=True, slots=True)
class Section:
    """A small table with a headline.

    Attributes:
        title: One line.
        rows: Cells as text, the headings first.
        styles: A style for each row after the headings; empty for none.
    """

    title: str
    rows: tuple[tuple[str, ...], ...]
    styles: tuple[str, ...] = ()

    @property
    def numeric(self) -> tuple[bool, ...]:
        """All columns but the first are flush right."""
        return tuple(index > 0 for index in range(len(self.rows[0])))


def render_plan(plan: Plan, picture: Path, stream: TextIO, *, as_json: bool) -> None:
    """Write a plan.

    Args:
        plan: The figures.
        picture: Where it was drawn.
        stream: Standard output.
        as_json: One JSON object instead of tables.
    """
    if as_json:
        stream.write(json.dumps(plan_json(plan, picture)) + "\n")
        return
    console = Console(file=stream, highlight=False)
    if console.is_terminal and not console.is_dumb_terminal and console.encoding.startswith("utf"):
        console.print(rich_plan(plan, picture))
        return
    encoding = getattr(stream, "encoding", None) or "utf-8"
    stream.writelines(encodable(line, encoding) + "\n" for line in plain_plan(plan, picture))


def plan_json(plan: Plan, picture: Path) -> dict[str, Any]:
    """Everything, with bytes and seconds as numbers."""
    drawn = plan.settings
    return {
        "schema": SCHEMA_VERSION,
        "plan": plan.name,
        "model": plan.model,
        "device": plan.device,
        "budget_bytes": plan.budget_bytes,
        "budget_source": plan.budget_source,
        "estimate_source": plan.source,
        "shares": {fate.name.lower(): {**asdict(s), "share": s.value} for fate, s in shares(drawn).items()} if drawn else None,
        "estimate_bytes": asdict(peaks(drawn)) if drawn else None,
        "extremes": [
            {
                "label": extreme.label,
                "proposal": dict(extreme.setting.proposal),
                "estimate_bytes": extreme.setting.estimate.total_bytes,
                "phase": extreme.setting.estimate.phase,
                "fate": extreme.setting.fate.name.lower(),
                "terms": dict(extreme.setting.estimate.terms),
                "steps": [words for _, words in extreme.setting.steps],
            }
            for extreme in plan.extremes
        ],
        "deciders": [asdict(decider) for decider in plan.deciders],
        "on_risk": plan.on_risk,
        "adapt_changes": [asdict(change) for change in changes(drawn)],
        "n_trials": plan.n_trials,
        "seconds": asdict(plan.durations) if plan.durations else None,
        "seconds_basis": plan.time_basis,
        "notes": list(plan.notes),
        "plot": str(picture),
    }


def rich_plan(plan: Plan, picture: Path) -> RenderableType:
    """The tables for a terminal."""
    parts: list[RenderableType] = [Text(line, style="bold" if i == 0 else "") for i, line in enumerate(_head(plan))]
    for section in _sections(plan):
        parts += [Text(""), Text(section.title, style="bold"), _rich_table(section)]
    parts += [Text(""), *(Text(line) for line in _times(plan))]
    notes = [Text.assemble(("! ", "yellow"), note) for note in plan.notes]
    return Group(*parts, *([Text(""), *notes] if notes else []), Text(f"plot: {picture}", style="dim"))


def plain_plan(plan: Plan, picture: Path) -> list[str]:
    """The same as lines of text."""
    lines = list(_head(plan))
    for section in _sections(plan):
        lines += ["", section.title, *(f"  {line}" for line in aligned(section.rows, section.numeric))]
    lines += ["", *_times(plan)]
    return [*lines, *(f"note: {note}" for note in plan.notes), f"plot: {picture}"]


def _rich_table(section: Section) -> RenderableType:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False, header_style="dim")
    for heading, numeric in zip(section.rows[0], section.numeric, strict=True):
        table.add_column(heading, justify="right" if numeric else "left", overflow="fold")
    for index, row in enumerate(section.rows[1:]):
        table.add_row(*row, style=section.styles[index] if section.styles else "")
    return Padding(table, (0, 0, 0, 2))


def _head(plan: Plan) -> Iterator[str]:
    yield f"Plan of {plan.name}: {plan.model} on {plan.device}"
    yield f"budget of one trial {_gib(plan.budget_bytes)} GiB ({plan.budget_source}); nothing was started"


def _sections(plan: Plan) -> Iterator[Section]:
    if plan.settings:
        yield _fates(plan)
    if plan.extremes:
        yield _extremes(plan)
    if plan.deciders:
        yield _deciders(plan)
    if any(s.steps for s in plan.settings):
        yield _changes(plan)


def _fates(plan: Plan) -> Section:
    found = shares(plan.settings)
    size = peaks(plan.settings)
    rows = [(fate.value, f"{s.count} of {s.of}", f"{s.value:.0%}", f"{s.low:.0%} to {s.high:.0%}") for fate, s in found.items()]
    spread = f"estimated peaks {_gib(size.smallest)} to {_gib(size.largest)} GiB, median {_gib(size.median)}"
    title = f"What fits, of {len(plan.settings)} settings drawn from the space: {spread}"
    return Section(title, (("", "settings", "share", "95 % interval"), *rows), tuple(_COLOURS[fate] for fate in found))


def _extremes(plan: Plan) -> Section:
    names = [name for name in plan.extremes[0].setting.proposal if _differs(plan, name)]
    settings = [(name, *(setting(name, e.setting.proposal[name]) for e in plan.extremes)) for name in names]
    estimates = [extreme.setting.estimate for extreme in plan.extremes]
    terms = [(name, *map(_gib, sizes)) for name, sizes in main_terms(estimates, _TERMS)]
    total = ("peak", *(_gib(estimate.total_bytes) for estimate in estimates))
    phase = ("reached in", *(estimate.phase for estimate in estimates))
    fate = ("", *(extreme.setting.fate.value for extreme in plan.extremes))
    rows = (*settings, *terms, total, phase, fate)
    styles = (*["cyan"] * len(settings), *[""] * len(terms), "bold", "dim", "dim")
    return Section(
        f"Estimated peak and its largest terms, GiB ({plan.source})", (("", *(e.label for e in plan.extremes)), *rows), styles
    )


def _differs(plan: Plan, name: str) -> bool:
    return len({str(extreme.setting.proposal[name]) for extreme in plan.extremes}) > 1


def _deciders(plan: Plan) -> Section:
    rows = [
        (
            d.name,
            f"{d.variance_share:.0%}",
            *(f"{_gib(peak)} at {setting(d.name, value)}" for value, peak in (d.lowest, d.highest)),
        )
        for d in plan.deciders
    ]
    title = "Which parameters decide: share of the spread over the space; peak in GiB with the others as in trial 0"
    return Section(title, (("", "share", "smallest", "largest"), *rows))


def _changes(plan: Plan) -> Section:
    found = shares(plan.settings)[Fate.ADAPTED].count
    rows = [(change.name, str(change.count), change.example.removeprefix(f"{change.name} ")) for change in changes(plan.settings)]
    done = "is on" if plan.on_risk == "adapt" else "is off (guard.on_risk: prune)"
    title = f"What adapt would change to make {found} more fit at the same effective batch; it {done}"
    return Section(title, (("", "settings", "most often"), *rows))


def _times(plan: Plan) -> list[str]:
    if plan.durations is None:
        return [f"Time {plan.time_basis}"]
    trial, sweep = plan.durations.trial, plan.durations.sweep
    return [
        f"Time: a trial {_span(trial)}; the sweep's {plan.n_trials} trials {_span(sweep)}",
        f"  {plan.time_basis}",
    ]


def _span(seconds: Seconds) -> str:
    return f"about {_about(seconds.expected)} ({_about(seconds.low)} to {_about(seconds.high)})"


def _about(seconds: float) -> str:
    """Two digits: more would pretend to know better."""
    for unit, size, upto in (("s", 1, 100), ("min", 60, 6000), ("h", 3600, 172800)):
        if seconds < upto:
            return f"{_two_digits(seconds / size)} {unit}"
    return f"{_two_digits(seconds / 86400)} days"


def _two_digits(value: float) -> str:
    return f"{value:.1f}" if value < 9.95 else f"{float(f'{value:.2g}'):.0f}"


def _gib(size_bytes: int) -> str:
    return f"{size_bytes / _GIB:.2f}"
