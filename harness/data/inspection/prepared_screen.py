"""Owns how the outcome of `harness data prepare` looks: tables, or one JSON object. Knows nothing but the manifest."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from rich.console import Group, RenderableType
from rich.text import Text

from harness.data.inspection.tables import clean, grid, show, table_of, titled
from harness.data.splitting.splits import SPLITS

FORMAT = "harness-prepared/1"
_REASONS = 12
_EXAMPLE = 100  # characters


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a preparation came to.

    Attributes:
        out: The folder.
        manifest: Its manifest.
        manifest_digest: sha256 of the manifest, hex.
        note: What there is to say about the shares; empty for nothing.
    """

    out: Path
    manifest: Mapping[str, Any]
    manifest_digest: str
    note: str

    @property
    def data_source(self) -> str:
        """What a sweep file names."""
        return f"prepared:{self.out}"


def render(outcome: Outcome, stream: TextIO, *, as_json: bool) -> None:
    """Write an outcome to standard output."""
    if as_json:
        stream.write(json.dumps(_json(outcome)) + "\n")
    else:
        show(Group(*_parts(outcome)), stream)


def _json(outcome: Outcome) -> dict[str, Any]:
    m = outcome.manifest
    names = ("counts", "digests", "with_oracle", "origin", "licence", "rows", "left_out", "tests_removed", "clusters", "executed")
    checked = [{key: value for key, value in found.items() if key != "records"} for found in m["contamination"]]
    return {
        "format": FORMAT,
        "out": str(outcome.out),
        "data_source": outcome.data_source,
        "manifest_sha256": outcome.manifest_digest,
        **{name: m[name] for name in names},
        "contamination": checked,
        "harvest": m["harvest"],
        "note": outcome.note,
    }


def _parts(outcome: Outcome) -> Iterator[RenderableType]:
    m = outcome.manifest
    total = sum(m["counts"].values())
    yield Text.assemble(("PREPARED", "bold green"), f"  {total:,} functions from {m['rows']:,} rows")
    yield Text()
    yield grid(_facts(outcome))
    yield titled("Splits", _splits(m))
    if outcome.note:
        yield Text(f"  {clean(outcome.note)}", style="dim")
    if m["left_out"]:
        yield titled("Left out", _left_out(m))
    yield titled("Contamination", _contamination(m))
    yield Text()
    yield Text("for the sweep file:", style="bold")
    yield Text(f"  data:\n    source: {clean(outcome.data_source)}")


def _facts(outcome: Outcome) -> dict[str, str | Text]:
    m = outcome.manifest
    clusters = m["clusters"]
    facts: dict[str, str | Text] = {
        "sources": ", ".join(source["name"] for source in m["sources"]),
        "licence": m["licence"],
        "near-duplicates": f"{clusters['of_several']:,} groups of {clusters['functions_in_those']:,} functions (similarity "
        f"{m['near_duplicates']:g} and up), the largest of {clusters['largest']:,}; "
        f"{clusters['over_several_splits']:,} lie in more than one split",
        "oracle suites": _executed(m),
        "folder": f"{outcome.out} (report.md says more; manifest {outcome.manifest_digest[:16]}...)",
    }
    return facts


def _executed(m: Mapping[str, Any]) -> str:
    if m["executed"] is None:
        return "not run: what the tests say of their functions is believed"
    return f"run in the sandbox, twice; {m['tests_removed']:,} failing or flaky tests taken out"


def _splits(m: Mapping[str, Any]) -> RenderableType:
    total = max(sum(m["counts"].values()), 1)
    asked = m["shares"] or {}
    rows = [
        (
            name,
            f"{m['counts'][name]:,}",
            f"{m['counts'][name] / total:.1%}",
            f"{asked[name]:.0%}" if name in asked else "-",
            f"{m['with_oracle'][name]:,}",
        )
        for name in SPLITS
    ]
    return table_of(("split", "functions", "share", "asked", "with oracle suite"), rows)


def _left_out(m: Mapping[str, Any]) -> RenderableType:
    ordered = sorted(m["left_out"].items(), key=lambda item: (-item[1], item[0]))
    rows = [(f"{count:,}", reason, _shortened(m["left_out_examples"][reason][0])) for reason, count in ordered[:_REASONS]]
    more = f"and {len(ordered) - _REASONS} more reasons, in report.md"
    parts: list[RenderableType] = [table_of(("rows", "why", "for example"), rows, left=3)]
    return Group(*parts, *([Text(more, style="dim")] if len(ordered) > _REASONS else []))


def _shortened(text: str) -> str:
    return text if len(text) <= _EXAMPLE else text[: _EXAMPLE - 3] + "..."


def _contamination(m: Mapping[str, Any]) -> RenderableType:
    rows: list[tuple[str, ...]] = []
    notes: list[RenderableType] = []
    for found in m["contamination"]:
        if "unchecked" in found:
            notes.append(Text(clean(f"{found['benchmark']} was not checked: {found['unchecked']}"), style="yellow"))
            continue
        train = found["counts"]["train"]
        rest = sum(sum(found["counts"][split].values()) for split in found["counts"] if split != "train")
        itself = " (a source itself: its own functions are not counted)" if found["is_source"] else ""
        rows.append((found["benchmark"] + itself, *(f"{n:,}" for n in train.values()), f"{rest:,}", f"{found['dropped']:,}"))
    if not rows:
        return Group(*notes) if notes else Text("no benchmark was checked", style="dim")
    kinds = list(next(found for found in m["contamination"] if "counts" in found)["counts"]["train"])
    heads = ("benchmark", *(f"train: {kind}" for kind in kinds), "other splits", "dropped")
    return Group(table_of(heads, rows), *notes)
