"""How a promotion went, for a terminal and for a pipe: candidates, the test, the decision, the criteria. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from harness.console.promotion import Promotion
from harness.console.tables import aligned
from harness.console.text import measured, short_metric

Rows = list[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Part:
    """One table with its heading; rows hold the headings first, all but the first column flush right."""

    title: str
    rows: Rows


def parts(told: Promotion) -> list[Part]:
    """The tables of a promotion, in the order in which things were done."""
    found = [_selection(told), _test(told), _criteria(told)]
    return [part for part in found if len(part.rows) > 1]


def verdict(told: Promotion) -> str:
    """What became of the alias, one line."""
    if not told.promoted:
        return f"not promoted: {told.chosen} against {told.opponent}: {told.reason}"
    forced = ", by force" if told.forced else ""
    return f"promoted{forced}: {told.chosen} is {told.name} version {told.version}, alias {told.alias}"


def remarks(told: Promotion) -> list[str]:
    """What has to be known to read the tables."""
    lines = [f"{label} was left out: {', '.join(texts)} not kept" for label, texts in told.excluded.items()]
    if told.promoted:
        lines.append(f"compared with {told.opponent}: {told.reason}")
    if told.gain is not None:
        gain = told.gain
        lines.append(
            f"better on {gain.wins}, worse on {gain.losses}, equal on {gain.ties} functions; one-sided p = {gain.p_value:.2g}"
        )
    fell = {name: by for name, by in told.shrinkage().items() if abs(by) >= 0.005}
    if fell:
        said = ", ".join(f"{short_metric(name)} {-by:+.2f}" for name, by in fell.items())
        lines.append(f"from the validation to the test functions: {said}")
    if told.flattery:
        said = ", ".join(f"{short_metric(name)} {value:.2f}" for name, value in told.expected().items())
        lines.append(f"to report, less what it owes to having been chosen by these figures: {said}")
    lines.append(_uses(told.test_uses))
    if told.folder:
        lines.append(f"ready to use in {told.folder}")
    return lines


def plain_promotion(told: Promotion) -> list[str]:
    """Lines of text."""
    lines: list[str] = []
    for part in parts(told):
        numeric = [False] + [True] * (len(part.rows[0]) - 1)
        lines += [part.title, *(f"  {line}" for line in aligned(part.rows, numeric)), ""]
    return [*lines, verdict(told), *(f"  {line}" for line in remarks(told))]


def rich_promotion(told: Promotion) -> RenderableType:
    """For a terminal."""
    shown: list[RenderableType] = []
    for part in parts(told):
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
        for index, heading in enumerate(part.rows[0]):
            table.add_column(heading, justify="right" if index else "left")
        for row in part.rows[1:]:
            table.add_row(*row)
        shown += [Text(part.title, style="bold"), table]
    style = "bold green" if told.promoted else "bold yellow"
    lines = [Text(f"  {line}", style="dim", overflow="fold") for line in remarks(told)]
    return Group(*shown, Text(verdict(told), style=style), *lines)


def _selection(told: Promotion) -> Part:
    if not told.selection_functions:
        return Part("", [])
    names = list(told.candidates[0].validation)
    rows: Rows = [("", "", *map(short_metric, names))]
    for row in told.candidates:
        mark = "chosen" if row.chosen else ""
        rows.append((row.label, mark, *(measured(name, row.selection.get(name)) for name in names)))
    title = f"the best {len(told.candidates)} by the rule ({told.rule}), again on {told.selection_functions} selection functions"
    return Part(title, rows)


def _test(told: Promotion) -> Part:
    columns = [(told.chosen, told.tested), (told.opponent, told.opponent_tested)]
    if told.opponent != "untuned base":
        columns.append(("untuned base", told.untuned))
    names = [name for name, figure in told.tested.items() if figure is not None]
    rows: Rows = [(f"{told.functions} held-out test functions", *(label for label, _ in columns))]
    rows += [(name, *(measured(name, shown.get(name)) for _, shown in columns)) for name in names]
    return Part(f"tested: {told.chosen} ({told.rule})", rows)


def _criteria(told: Promotion) -> Part:
    words = {True: "met", False: "missed", None: "-"}
    rows: Rows = [("criterion", "found", "")]
    rows += [(one.text, one.found, words[one.met]) for one in told.criteria]
    return Part("success", rows)


def _uses(count: int) -> str:
    if count <= 1:
        return "first use of these test functions; each further one makes their word a little less"
    return f"use {count} of these test functions for this model: with each one their word counts a little less"
