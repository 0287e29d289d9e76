"""Owns report.md: the manifest as a person reads it. Pure; knows nothing but the manifest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from harness.data.splitting.splits import SPLITS

_SHOWN = 5  # examples of a reason; the manifest has more


def report(manifest: Mapping[str, Any]) -> str:
    """The text of report.md."""
    return "\n\n".join(part for part in _sections(manifest) if part) + "\n"


def _sections(manifest: Mapping[str, Any]) -> Iterable[str]:
    yield "# Prepared data"
    yield f"{sum(manifest['counts'].values()):,} functions of {manifest['rows']:,} rows. Licence: {manifest['licence']}."
    yield "## Splits\n\n" + _splits(manifest)
    yield "## Sources\n\n" + _table(
        ("source", "layout", "origin", "licence", "digest"),
        [(s["name"], s["layout"], s["origin"], s["licence"], s["digest"][:12]) for s in manifest["sources"]],
    )
    yield _harvest(manifest["harvest"])
    yield _renamed(manifest)
    yield "## Left out\n\n" + _left_out(manifest)
    yield "## Near-duplicates\n\n" + _clusters(manifest)
    yield "## Oracle suites\n\n" + _executed(manifest)
    yield "## Contamination\n\n" + "\n\n".join(_benchmark(found) for found in manifest["contamination"])
    yield "## Made with\n\n" + _table(("tool", "version"), manifest["tools"].items())


def _splits(manifest: Mapping[str, Any]) -> str:
    shares = manifest["shares"] or {}
    beyond = manifest["beyond_limits"]
    rows = [
        [
            name,
            manifest["counts"][name],
            _percent(shares.get(name)),
            manifest["with_oracle"][name],
            beyond[name],
            _short(manifest, name),
        ]
        for name in SPLITS
    ]
    rule = (
        "By the hash of the focal function after clustering near-duplicates"
        if manifest["shares"] is not None
        else "As in the prepared folder they come from"
    )
    table = _table(("split", "functions", "share asked", "with oracle suite", "beyond the limit", "digest"), rows)
    return f"{rule}; seed {manifest['options']['seed']}.\n\n{table}"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"


def _short(manifest: Mapping[str, Any], split: str) -> str:
    return str(manifest["digests"][split][:12])


def _harvest(accounts: Sequence[Mapping[str, Any]]) -> str:
    if not accounts:
        return ""
    names = ("source", "functions_seen", "candidates", "pairs", "with_tests", "with_examples", "passing_tests")
    heads = ("source", "functions seen", "candidates", "pairs", "with tests", "with examples", "tests that passed")
    found = [(one["source"], files, what) for one in accounts for what, files in one["test_files"].items()]
    files = _table(("source", "test files", "what became of them"), found) if found else "There are no test files."
    return "\n\n".join(("## Harvest", _table(heads, [[one[name] for name in names] for one in accounts]), files))


def _renamed(manifest: Mapping[str, Any]) -> str:
    count = manifest["renamed"]
    return f"{count:,} records carry the name of their source before an id that another source uses too." if count else ""


def _left_out(manifest: Mapping[str, Any]) -> str:
    counts, examples = manifest["left_out"], manifest["left_out_examples"]
    if not counts:
        return "Nothing."
    rows = [(count, reason) for reason, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
    parts = [_table(("rows", "reason"), rows)]
    for _, reason in rows:
        listed = "\n".join(f"- `{_one_line(example)}`" for example in examples[reason][:_SHOWN])
        parts.append(f"{reason}:\n\n{listed}")
    return "\n\n".join(parts)


def _clusters(manifest: Mapping[str, Any]) -> str:
    found = manifest["clusters"]
    return (
        f"At a Jaccard similarity of {manifest['near_duplicates']:g}: {found['count']:,} clusters, {found['of_several']:,} of "
        f"more than one function ({found['functions_in_those']:,} functions), the largest of {found['largest']:,}. "
        f"Clusters that lie in more than one split: {found['over_several_splits']:,}."
    )


def _executed(manifest: Mapping[str, Any]) -> str:
    if manifest["executed"] is None:
        return "Not run: what the tests say of their functions is believed."
    return (
        f"Every suite ran in the sandbox, twice, at most {manifest['executed']['timeout_s']:g} s a run; "
        f"{manifest['tests_removed']:,} failing or flaky tests were taken out."
    )


def _benchmark(found: Mapping[str, Any]) -> str:
    if "unchecked" in found:
        return f"**{found['benchmark']}** was not checked: {found['unchecked']}."
    head = f"**{found['benchmark']}** ({found['origin']}, {found['functions']:,} functions)"
    if found["is_source"]:
        head += " is itself a source; its own functions are not counted"
    rows = [(split, *counts.values()) for split, counts in found["counts"].items()]
    kinds = list(next(iter(found["counts"].values())))
    text = f"{head}. Training functions dropped for it: {found['dropped']:,}.\n\n{_table(('split', *kinds), rows)}"
    listed = [
        f"- {split}: `{name}` is {_an(how)} of `{of}`"
        for split, of_split in found["records"].items()
        for name, (of, how) in of_split.items()
    ]
    shown = listed[:50]
    more = f"\n- and {len(listed) - len(shown):,} more, in manifest.json" if len(listed) > len(shown) else ""
    return text + ("\n\n" + "\n".join(shown) + more if shown else "")


def _an(how: str) -> str:
    return {"exact clone": "an exact clone", "near copy": "a near copy", "shared tests": "with the tests"}[how]


def _table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [heads, ["---"] * len(heads), *([_cell(value) for value in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else _one_line(str(value)).replace("|", "\\|")


def _one_line(text: str) -> str:
    return " ".join(text.split()).replace("`", "'")
