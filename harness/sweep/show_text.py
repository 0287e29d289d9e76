"""How an adapter's lineage reads on a terminal of 80 columns. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from harness.console.text import ordered_settings, setting
from harness.core.lineage import Lineage
from harness.core.measured import Measured

if TYPE_CHECKING:
    from harness.sweep.show import Shown

WIDTH = 80
_LABEL = 14


def text_of(shown: Shown) -> list[str]:
    """The lines."""
    lines = [_head(shown), f"  {shown.title}", ""]
    lines += _scores(shown)
    lines += ["adapter", *_rows({"sha256": shown.sha256, "folder": str(shown.folder), "licence": shown.licence})]
    lines += [] if shown.version is None else _rows({"logged model": shown.version.model_id or "none named"})
    lines += [] if shown.lineage is None else _lineage(shown.lineage)
    if shown.reproduce is not None:
        lines += ["", "train it again", f"  {shown.reproduce}"]
    if shown.broken:
        lines += ["", "broken links"]
        for link in shown.broken:
            lines += textwrap.wrap(link, WIDTH, initial_indent="  - ", subsequent_indent="    ", break_long_words=False)
    return lines


def _head(shown: Shown) -> str:
    version = shown.version
    if version is None:
        return f"{shown.folder.name} (not registered)"
    return f"{version}" + (f" ({', '.join(version.aliases)})" if version.aliases else " (no alias points at it)")


def _scores(shown: Shown) -> list[str]:
    if not shown.scores:
        return ["it has not been scored on the test functions", ""]
    count = shown.lineage.data.counts.get("test") if shown.lineage else None
    head = "test functions" + (f", n = {count}" if count else "") + ": mean and 95 % interval"
    return [head, *(f"  {name:<{_LABEL + 2}}{_figure(measured)}" for name, measured in shown.scores.items()), ""]


def _figure(measured: Measured) -> str:
    known = measured.low is not None and measured.high is not None
    return f"{measured.value:.3f}" + (f"  [{measured.low:.3f}, {measured.high:.3f}]" if known else "")


def _lineage(lineage: Lineage) -> list[str]:
    base, data, machine = lineage.base, lineage.data, lineage.machine
    quantization = str(lineage.settings.get("quantization", "none"))
    return [
        *_section("base model", {"id": base.public_id, "revision": base.revision, "loaded from": base.name}),
        *_rows({"licence": base.licence, "quantization": quantization, "weights": base.sha256}),
        *_section("data", {"origin": data.origin, "licence": data.licence}),
        *_rows({"functions": ", ".join(f"{count} {name}" for name, count in data.counts.items())}),
        *_rows(data.digests),
        *_section("came from", {"study": lineage.study, "trial": lineage.trial, "MLflow run": lineage.run_id}),
        *_rows({"experiment": lineage.experiment, "exported": lineage.made_at, "went on from": lineage.started_from}),
        *_section("settings", {}),
        *_wrapped(f"{name} {setting(name, lineage.settings[name])}" for name in ordered_settings(lineage.settings)),
        *_rows({"seed": lineage.seed, "prompt": f"{lineage.prompt.name}@{lineage.prompt.version}"}),
        *_section("made with", {}),
        *_wrapped(f"{name} {version}" for name, version in lineage.versions.items()),
        *_rows({"device": f"{machine.device}, {machine.cpu}"}),
        *_rows({"threads": machine.threads or "not recorded"}),
    ]


def _section(name: str, rows: Mapping[str, Any]) -> list[str]:
    return ["", name, *_rows(rows)]


def _rows(rows: Mapping[str, Any]) -> list[str]:
    return [f"  {name:<{_LABEL}}{value}" for name, value in rows.items() if value not in (None, "")]


def _wrapped(parts: Iterable[str]) -> list[str]:
    """Parts joined by commas, none of them broken in two."""
    kept = ", ".join(part.replace(" ", "\N{NO-BREAK SPACE}") for part in parts)
    lines = textwrap.wrap(
        kept, WIDTH, initial_indent="  ", subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )
    return [line.replace("\N{NO-BREAK SPACE}", " ") for line in lines]
