"""A scoring as text for a terminal or a pipe: the aggregate, the verdicts, and the functions to look at first."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from evaluation.records import SuiteScore
from evaluation.report.content import HEADLINE, Content, one_line, percent
from evaluation.score import Report

FIRST = 10
PIPE_WIDTH = 140


def console() -> Console:
    """Standard output; a pipe gets a width of its own, because there is none to ask for."""
    found = Console(highlight=False, markup=False, emoji=False)
    return found if found.is_terminal else Console(highlight=False, markup=False, emoji=False, width=PIPE_WIDTH)


def print_report(content: Content, out: Console) -> None:
    """Print a scoring."""
    report = content.report
    out.print(means_table(report))
    counts = sorted(report.aggregate.verdicts.items(), key=lambda item: (item[0] != "valid", -item[1], item[0]))
    out.print(Text("suites: " + ", ".join(f"{count} {verdict}" for verdict, count in counts)))
    worst = worst_first(report.scores)
    if worst:
        out.print(worst_table(worst))
        left = sum(_needs_a_look(score) for score in report.scores) - len(worst)
        if left > 0:
            out.print(Text(f"and {left} more: the page that --out writes has all of them"))
    out.print(Text(f"sandbox: {report.sandbox.detail}", style="dim"))


def means_table(report: Report) -> Table:
    """The aggregate: every headline metric in percent, with its interval."""
    found = report.aggregate
    table = Table("", "mean %", "95 % interval", "valid only", "of ceiling", "without copied", "n", box=box.SIMPLE_HEAD)
    for column in table.columns[1:]:
        column.justify = "right"
    for name, label in {"valid_rate": "valid suites", **HEADLINE}.items():
        if (mean := found.means.get(name)) is None:
            continue
        own = found.means.get(f"{name}_without_copied")
        parts = (found.at_valid.get(name), found.of_ceiling.get(name), own.mean if own else None)
        between = f"{percent(mean.low)} to {percent(mean.high)}"
        table.add_row(label, percent(mean.mean), between, *map(percent, parts), str(mean.n))
    return table


def worst_first(scores: tuple[SuiteScore, ...]) -> list[SuiteScore]:
    """At most `FIRST` functions to look at: broken ones and invalid suites, then valid ones by mutation score."""
    return sorted(filter(_needs_a_look, scores), key=lambda score: (score.valid, score.figures.mutation_score or 0.0))[:FIRST]


def worst_table(scores: list[SuiteScore]) -> Table:
    """One row per function, on one line each."""
    table = Table("look at first", "verdict", "mutation %", "detail", box=box.SIMPLE_HEAD, expand=True)
    table.columns[2].justify = "right"
    for column in table.columns:
        column.no_wrap = True
    table.columns[3].ratio = 1  # what the others leave: a long detail must not squeeze them
    for score in scores:
        figure = percent(score.figures.mutation_score)
        table.add_row(Text(one_line(score.function_id, 60)), str(score.verdict), figure, Text(one_line(score.detail, 120)))
    return table


def _needs_a_look(score: SuiteScore) -> bool:
    return not score.valid or score.figures.pass_rate < 1 or (score.figures.mutation_score or 1.0) < 1
