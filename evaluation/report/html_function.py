"""One function of the page: a row, and behind it verdict, figures, tests, both sources, and every mutant with its fate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from evaluation.records import KILLED, Figures, FocalFunction, MutantFate, MutantOutcome, Suite, SuiteScore
from evaluation.report.content import ABSENT, HEADLINE, one_line, percent
from evaluation.report.html_parts import badge, cell, escape, source, table

LABELS = {
    **HEADLINE,
    "mutation_score_lenient": "… stopped counted as killed",
    "mutation_score_all": "… of all mutants",
    "mutation_score_all_lenient": "… of all, stopped counted",
}
SURVIVED = frozenset({MutantFate.SURVIVED, MutantFate.UNCOVERED})


def function_item(score: SuiteScore, function: FocalFunction, suite: Suite | None) -> str:
    """The row with everything behind it, closed."""
    values = {"p": "pass_rate", "l": "line_coverage", "b": "branch_coverage", "m": "mutation_score"}
    data = "".join(f' data-{key}="{_sortable(getattr(score.figures, name))}"' for key, name in values.items())
    cells = "".join(cell(getattr(score.figures, name)) for name in values.values())
    name = f"<span class=n>{escape(score.function_id)}<small>{escape(one_line(score.detail, 110))}</small></span>"
    return (
        f'<details class=f data-v="{score.verdict}" data-s="{score.survived}"{data}><summary class=row>{name}'
        f"{badge(score.verdict)}{cells}<span class=c>{_count(score.survived, len(score.mutants))}</span></summary>"
        f"<div class=body>{_body(score, function, suite)}</div></details>"
    )


def _sortable(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _count(part: int, whole: int) -> str:
    return f"{part}<small>of {whole}</small>" if whole else ABSENT


def _body(score: SuiteScore, function: FocalFunction, suite: Suite | None) -> str:
    weak = [mutant.line for mutant in score.mutants if mutant.fate in SURVIVED]
    written = "<p class=note>no suite</p>" if suite is None else source(suite.code)
    legend = "" if not (score.missed_lines or weak) else " <small><u class=x>not run</u> <u class=w>a mutant survives</u></small>"
    return "".join(
        [
            f"<p class=detail>{escape(score.detail)}</p>",
            f"<div class=two><div><h3>Figures, %</h3>{_figures(score)}</div><div><h3>Tests</h3>{_tests(score)}</div></div>",
            f"<div class=two><div><h3>Reference: {escape(function.entry_point)}{legend}</h3>",
            f"{source(function.source, score.missed_lines, weak)}</div><div><h3>Suite</h3>{written}</div></div>",
            _mutants(score.mutants),
        ]
    )


def _figures(score: SuiteScore) -> str:
    absent = dict.fromkeys(Figures.__slots__)
    own, left = asdict(score.figures), asdict(score.without_copied)
    top = absent if score.ceiling is None else asdict(score.ceiling)
    rows = [[label, *(percent(part[name]) for part in (own, left, top))] for name, label in LABELS.items()]
    counts = (
        f"{score.passed} of {score.collected} tests count · {score.copied_asserts} of {score.asserts} asserts copied"
        f" · {score.killed} killed ({score.killed_by_assertion} by an assertion), {score.timeouts} stopped,"
        f" {score.survived} survived" + ("" if score.killable is None else f"; {score.killable} killable")
    )
    return table(("", "suite", "without copied", "ceiling"), rows, "figures") + f"<p class=note>{counts}</p>"


def _tests(score: SuiteScore) -> str:
    if not score.tests:
        return "<p class=note>none collected</p>"
    rows = "".join(
        f"<li><span class='v {'ok' if verdict == 'passed' else 'no'}'>{escape(verdict)}</span> {escape(name)}</li>"
        for name, verdict in score.tests.items()
    )
    return f"<ul>{rows}</ul>"


def _mutants(mutants: Sequence[MutantOutcome]) -> str:
    groups = {
        "survived": [mutant for mutant in mutants if mutant.fate in SURVIVED],
        "stopped by a limit": [mutant for mutant in mutants if mutant.fate is MutantFate.STOPPED],
        "killed": [mutant for mutant in mutants if mutant.fate in KILLED],
    }
    return "".join(_group(name, members, opened=name != "killed") for name, members in groups.items() if members)


def _group(name: str, mutants: Sequence[MutantOutcome], *, opened: bool) -> str:
    state = " open" if opened else ""
    body = "".join(map(_mutant, mutants))
    return f"<details{state}><summary>Mutants {name}: {len(mutants)}</summary><div class=ms>{body}</div></details>"


def _mutant(mutant: MutantOutcome) -> str:
    fate = "not run by a passing test" if mutant.fate is MutantFate.UNCOVERED else mutant.fate
    by = f": {escape(mutant.killer)}" if mutant.killer else ""
    lines = escape(mutant.diff).split("\n")
    shown = "".join(f"<{tag}>{line}\n</{tag}>" for line in lines if line and (tag := _tag(line)))
    return f"<div class=m><p>line {mutant.line} · {escape(mutant.operator)} · {escape(fate)}{by}</p><pre>{shown}</pre></div>"


def _tag(line: str) -> str:
    """Element for a line of a diff; the hunk's head says nothing that the caption does not."""
    return {"+": "ins", "-": "del", "@": ""}.get(line[0], "s")
