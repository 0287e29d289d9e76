"""The top of the page: the aggregate with its intervals, verdict counts, input problems, and how it was run."""

from __future__ import annotations

from collections.abc import Mapping

from evaluation.aggregate import Aggregate
from evaluation.report.content import HEADLINE, Content, percent
from evaluation.report.html_parts import escape, interval, table, tone

HEADS = ("", "mean over all functions, %", "", "95 % interval", "valid only", "of ceiling", "without copied", "n")
NOTES = (
    "A function without a valid suite counts 0. <b>valid only</b>: mean over the valid suites, beside the headline and never"
    " instead. <b>of ceiling</b>: share of what the oracle suites reach. <b>without copied</b>: asserts that repeat an example"
    " of the prompt taken out."
)


def header(content: Content) -> str:
    """Everything above the list of functions."""
    found = content.report.aggregate
    return "".join(
        [
            f"<header><h1>Unit test report</h1><p class=sub>{_summary(content)}</p>",
            f"{table(HEADS, _rows(found), 'means')}<p class=note>{NOTES}</p>",
            _verdicts(found),
            _problems(content),
            _conditions(content),
            "</header>",
        ]
    )


def _summary(content: Content) -> str:
    scores, found = content.report.scores, content.report.aggregate
    valid, killed, mutants = (sum(row) for row in zip(*((s.valid, s.killed, len(s.mutants)) for s in scores), strict=True))
    broken = f" · {found.functions_broken} broken functions left out" if found.functions_broken else ""
    kills = found.shares.get("assertion_kill_share")
    by = "" if kills is None else f", {percent(kills, 0)} % of them by an assertion"
    return f"{found.functions} functions · {valid} valid suites · {killed} of {mutants} mutants killed{by}{broken}"


def _rows(found: Aggregate) -> list[list[str]]:
    rows = []
    for name, label in {"valid_rate": "valid suites", **HEADLINE}.items():
        if (mean := found.means.get(name)) is None:
            continue
        own = found.means.get(f"{name}_without_copied")
        rows.append(
            [
                label,
                interval(mean),
                f"<b>{percent(mean.mean)}</b>",
                f"{percent(mean.low)} to {percent(mean.high)}",
                percent(found.at_valid.get(name)),
                percent(found.of_ceiling.get(name)),
                percent(own.mean if own else None),
                str(mean.n),
            ]
        )
    return rows


def _verdicts(found: Aggregate) -> str:
    total = sum(found.verdicts.values())
    most_first = sorted(found.verdicts.items(), key=lambda item: (item[0] != "valid", -item[1], item[0]))
    bars, start = [], 0.0
    for verdict, count in most_first:
        share = 100 * count / total
        title = f"<title>{escape(verdict)}: {count}</title>"
        bars.append(f'<rect class="{tone(verdict)}" x="{start:.2f}%" width="{share:.2f}%" height="10">{title}</rect>')
        start += share
    chips = "".join(_chip(verdict, count) for verdict, count in most_first)
    return f'<svg class="stack">{"".join(bars)}</svg><p class=chips>{chips}</p>'


def _chip(verdict: str, count: int) -> str:
    name = escape(verdict.replace("_", " "))
    return f'<button class="v {tone(verdict)}" data-v="{escape(verdict)}">{name} <b>{count}</b></button>'


def _problems(content: Content) -> str:
    if not content.problems:
        return ""
    rows = [[escape(part) for part in (p.where, p.what, p.why, p.fix)] for p in content.problems]
    body = table(("where", "what", "why", "fix"), rows)
    return f"<details class=box><summary>Problems in the input: {len(rows)}</summary>{body}</details>"


def _conditions(content: Content) -> str:
    report = content.report
    fence = report.sandbox
    sandbox = {
        "level": fence.level,
        "layers": ", ".join(fence.layers),
        "missing": ", ".join(fence.missing) or "nothing",
        "detail": fence.detail,
    }
    parts = {"settings": report.settings.to_dict(), "tools": report.tools, "sandbox": sandbox}
    body = "".join(f"<div><h3>{name}</h3>{_pairs(values)}</div>" for name, values in parts.items())
    return f"<details class=box><summary>Settings, tools and sandbox</summary><div class=three>{body}</div></details>"


def _pairs(values: Mapping[str, object]) -> str:
    shown = {name: "all" if value is None else value for name, value in values.items()}
    return table(("", ""), ([escape(name), escape(value)] for name, value in shown.items()), "pairs")
