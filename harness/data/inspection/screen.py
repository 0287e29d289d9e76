"""Owns how findings look: tables for a person, on a terminal or in a pipe; one JSON object for a program."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, TextIO

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from harness.data.inspection.parts import Oracles, ProposedMapping, Spread
from harness.data.inspection.report import Inspection, Verdict
from harness.data.inspection.tables import clean, grid, show, table_of, titled
from harness.data.lengths import TEMPLATE_TOKENS

_STYLES = {Verdict.READY: "bold green", Verdict.NEEDS_MAPPING: "bold yellow", Verdict.BROKEN: "bold red"}
_KINDS = {"prompt": "prompt", "suite": "oracle suite", "example": "training example"}


def render(found: Inspection, stream: TextIO, *, as_json: bool) -> None:
    """Write an inspection.

    Args:
        found: What was found out.
        stream: Standard output.
        as_json: One JSON object instead of tables.
    """
    if as_json:
        stream.write(json.dumps(found.to_json()) + "\n")
    else:
        show(Group(*_parts(found)), stream)


def _parts(found: Inspection) -> Iterator[RenderableType]:
    yield Text.assemble((found.verdict.value, _STYLES[found.verdict]), f"  {clean(found.reason)}")
    yield Text()
    yield grid(_facts(found))
    if found.lengths:
        yield titled("Lengths", _lengths(found))
    if found.counts.broken_rows:
        yield titled(_broken_title(found), _broken(found))
    if found.oracles is not None and found.oracles.failures:
        rows = [(failure.id, failure.reason) for failure in found.oracles.failures]
        yield titled(f"Oracle suites that fail (the first {len(rows)})", table_of(("record", "what happened"), rows, left=2))
    if found.proposal is not None:
        yield from _proposal(found.proposal, found.source)
    if found.remarks:
        notes = Table.grid(padding=(0, 1))
        for remark in found.remarks:
            notes.add_row("-", Text(clean(remark), overflow="fold"))
        yield titled("Worth knowing", notes)


def _facts(found: Inspection) -> dict[str, str | Text]:
    counts = found.counts
    facts: dict[str, str | Text] = {"source": found.source}
    if found.layout != "unknown":
        facts["layout"] = f"{found.layout}, from {found.origin}" if found.origin else found.layout
    if found.licences:
        facts["licence"] = ", ".join(f"{name} ({count:,})" for name, count in list(found.licences.items())[:6])
    if counts.rows:
        facts["rows"] = f"{counts.rows:,}"
        facts["rows"] += f", a seeded sample of {counts.read:,} was read" if 0 < counts.read < counts.rows else ""
        facts["rows"] += f", {counts.records:,} usable" if found.layout != "unknown" else ""
        facts["rows"] += "".join(f", {count:,} skipped ({reason})" for reason, count in (counts.skipped or {}).items())
        facts["rows"] += f", {counts.broken:,} broken" if counts.broken else ""
    if found.harvest is not None:
        facts |= _harvest(found.harvest)
    if found.duplicates is not None:
        d = found.duplicates
        facts["duplicates"] = f"{d.exact:,} exact, {d.near:,} near (similarity {d.threshold:g} and up)"
        facts["duplicates"] += f"; {d.clusters:,} groups, the largest of {d.largest:,}" if d.near else ""
    if found.oracles is not None and counts.records:
        facts["oracle suites"] = _oracles(found.oracles, counts.records)
    if found.plot is not None:
        facts["histograms"] = found.plot
    return facts


def _harvest(came_to: Mapping[str, Any]) -> dict[str, str | Text]:
    count = {name: f"{came_to[name]:,}" for name in ("functions_seen", "candidates", "pairs", "passing_tests")}
    said = f"{count['functions_seen']} functions seen, {count['candidates']} can be cut out and have a test or an example"
    files = ", ".join(f"{number:,} {what}" for what, number in came_to["test_files"].items()) or "none"
    return {
        "harvest": f"{said}, {count['pairs']} pairs passed twice",
        "test files": f"{files}; {count['passing_tests']} tests passed",
    }


def _oracles(oracles: Oracles, records: int) -> str:
    said = f"{oracles.present:,} of {records:,} records have one, {oracles.trainable:,} have tests to train on"
    if oracles.run:
        share = f"{oracles.passed / oracles.run:.0%}, 95 % interval {oracles.low or 0:.0%} to {oracles.high or 0:.0%}"
        said += f"; {oracles.passed:,} of {oracles.run:,} that were run pass ({share})"
    return said + (f"; {oracles.note}" if oracles.note and oracles.present else "")


def _lengths(found: Inspection) -> RenderableType:
    tokens = found.tokens
    counted = tokens is not None and tokens.tokenizer is not None
    kinds = [(name, found.lengths[kind]) for kind, name in _KINDS.items() if kind in found.lengths]
    rows = [_row(name, "characters", lengths.characters) for name, lengths in kinds]
    rows += [_row(name, "tokens", lengths.tokens) for name, lengths in kinds if counted and lengths.tokens is not None]
    headings = ("of each", "in", "5 %", "median", "95 %", "longest")
    notes: list[RenderableType] = []
    if tokens is not None:
        notes += [Text(clean(note), style="dim") for note in _token_notes(found)]
    return Group(table_of(headings, rows, left=2), *notes)


def _row(name: str, unit: str, spread: Spread) -> tuple[str, ...]:
    return (name, unit, *(f"{value:,}" for value in (spread.p5, spread.p50, spread.p95, spread.max)))


def _token_notes(found: Inspection) -> Iterator[str]:
    tokens = found.tokens
    if tokens is None:
        return
    if tokens.tokenizer is None:
        yield f"characters only: {tokens.note}"
        return
    of = "every record" if tokens.records == found.counts.records else f"a seeded sample of {tokens.records:,} of the records"
    yield f"tokens of {of}, by {tokens.tokenizer}{f' ({tokens.note})' if tokens.note else ''}; prompts by {tokens.template}"
    for limit in tokens.limits:
        said = f"max_length {limit.max_length:,}: of {limit.examples:,} training examples {limit.shortened:,} lose tests"
        yield f"{said}, {limit.dropped:,} are dropped ({TEMPLATE_TOKENS} tokens allowed for chat marks)"


def _broken_title(found: Inspection) -> str:
    shown, count = len(found.counts.broken_rows), found.counts.broken
    return f"Broken rows ({'all' if shown == count else f'the first {shown} of'} {count:,})"


def _broken(found: Inspection) -> Table:
    rows = [(row.place, row.found, row.allowed) for row in found.counts.broken_rows]
    return table_of(("where", "found", "allowed"), rows, left=3)


def _proposal(proposal: ProposedMapping, source: str) -> Iterator[RenderableType]:
    yield titled("Columns", Text(clean(", ".join(proposal.columns)), overflow="fold"))
    if proposal.mapping is None:
        return
    said = f"Proposed mapping: tried on the first {proposal.tried:,} rows, {proposal.records:,} of them become records"
    yield titled(said, Text(proposal.text.rstrip(), overflow="fold"))
    if proposal.file is not None:
        fix = f"wrote {proposal.file}; check it, then: harness data map {proposal.file} --out FOLDER"
    else:
        fix = f"to have it as a file: harness data inspect {source} --mapping-out mapping.yaml"
    yield Group(Text(), Text(clean(fix), style="bold"))
