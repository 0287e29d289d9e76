"""Small pieces of HTML that header and functions share. `escape` is the only way for data into the page."""

from __future__ import annotations

import html
from collections.abc import Iterable

from evaluation.aggregate import Mean
from evaluation.records import Verdict
from evaluation.report.content import percent, visible

BROKEN = frozenset({Verdict.FUNCTION_BROKEN})
ATTACKS = frozenset({Verdict.FORGED, Verdict.CRASHED, Verdict.MEMORY, Verdict.TIMEOUT})
MAX_CHARACTERS = 40_000  # of one source on the page; a suite may have a million
MAX_LINES = 800


def escape(text: object) -> str:
    """Data as HTML text or attribute value."""
    return html.escape(visible(str(text)))


def badge(verdict: str) -> str:
    """A verdict in its colour."""
    return f'<span class="v {tone(verdict)}">{escape(verdict.replace("_", " "))}</span>'


def tone(verdict: str) -> str:
    """Class of colour: good, broken input, dangerous, or merely worthless."""
    if verdict == Verdict.VALID:
        return "ok"
    return "in" if verdict in BROKEN else "bad" if verdict in ATTACKS else "no"


def cell(value: float | None) -> str:
    """A fraction as a figure above a bar."""
    bar = "" if value is None else f'<svg><rect width="{100 * value:.0f}%" height="4"/></svg>'
    return f"<span class=c>{percent(value, 0)}{bar}</span>"


def interval(mean: Mean) -> str:
    """A bar to the mean with its 95 % interval as a whisker; 240 units are 100 %."""
    low, high, middle = (240 * value for value in (mean.low, mean.high, mean.mean))
    return (
        '<svg class="ci" viewBox="-2 0 244 16" role="img"><rect class="t" width="240" height="10" y="3" rx="2"/>'
        f'<rect class="f" width="{middle:.1f}" height="10" y="3" rx="2"/>'
        f'<path d="M{low:.1f} 8H{high:.1f}M{low:.1f} 4v8M{high:.1f} 4v8"/></svg>'
    )


def table(heads: Iterable[str], rows: Iterable[Iterable[str]], css: str = "") -> str:
    """A table of cells that are HTML already."""
    top = "".join(f"<th>{head}</th>" for head in heads)
    body = "".join(f"<tr>{''.join(f'<td>{one}</td>' for one in row)}</tr>" for row in rows)
    return f'<table class="{css}"><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>'


def source(code: str, missed: Iterable[int] = (), survivors: Iterable[int] = ()) -> str:
    """Numbered lines of code; those in `missed` and those with surviving mutants are marked. Long texts are cut."""
    gone, weak = set(missed), set(survivors)
    shown = visible(code[:MAX_CHARACTERS]).split("\n")[:MAX_LINES]
    if shown and not shown[-1]:
        shown.pop()
    lines = [f"<i{_mark(number, gone, weak)}>{html.escape(line)}\n</i>" for number, line in enumerate(shown, 1)]
    cut = len(code) > MAX_CHARACTERS or code.count("\n") > MAX_LINES
    note = f"<p>cut here: the whole text has {len(code):,} characters</p>" if cut else ""
    return f'<pre class="src">{"".join(lines)}</pre>{note}'


def _mark(number: int, missed: set[int], weak: set[int]) -> str:
    if number in missed:
        return " class=x"
    return " class=w" if number in weak else ""
