"""The parts of a study's page about its trials: the front, what was promoted, how trials ended, what they wrote."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from harness.core.measured import Measured
from harness.tracking.foreign import escape
from harness.tracking.page_parts import code, measured, pairs, table
from harness.tracking.points import TrialPoint, baselines
from harness.tracking.samples import Sample, Samples, Written, coverage, kept, kills, verdict
from harness.tracking.study_report import PromotedLine, StudyReport, TrialLine

_GIB = 1 << 30
_MOST_REASONS = 30
_MOST_NUMBERS = 12
ENDINGS: Final[Mapping[str, tuple[str, str]]] = {
    "completed": ("completed", "ok"),
    "pruned:rung": ("cut at a rung", "no"),
    "pruned:memory": ("ruled out by memory", "no"),
    "pruned:unstable": ("diverged", "no"),
    "pruned:timeout": ("out of time", "no"),
    "stopped": ("stopped by a person", "no"),
    "failed:infrastructure": ("failed", "bad"),
    "interrupted": ("interrupted", "bad"),
    "open": ("not ended", "no"),
}
"""Ending -> words and colour."""


def front_table(report: StudyReport) -> str:
    """The untuned base, then the front, the knee marked."""
    front = [line for line in report.trials if line.on_front]
    names = [o.name for o in report.objectives]
    settings = list(dict.fromkeys(name for line in front for name in line.settings))
    heads = [("", ""), *((name, "num") for name in (*map(_objective, report.objectives), *settings, "peak GiB"))]
    rows = [("base", _base_row(point, len(settings))) for point in baselines(report.points)]
    for line in front:
        label = f"trial {line.number}" + (" <b>(knee)</b>" if line.is_knee else "")
        cells = [label, *(measured(line.values.get(name)) for name in names), *(setting(line.settings.get(s)) for s in settings)]
        rows.append(("knee" if line.is_knee else "", [*cells, _peak(line)]))
    return table(heads, rows) if rows else ""


def _objective(objective: Any) -> str:
    return f"{objective.name} {'↑' if objective.direction == 'maximize' else '↓'}"


def _base_row(point: TrialPoint, settings: int) -> list[str]:
    bounds = [point.interval(axis) or (None, None) for axis in range(len(point.values))]
    values = [measured(Measured(value, *ends)) for value, ends in zip(point.values, bounds, strict=True)]
    return [escape(point.label), *values, *[""] * (settings + 1)]


def promoted_part(report: StudyReport) -> str:
    """What was promoted, with its figures on the test functions beside the untuned base's."""
    promoted = report.promoted
    if promoted is None:
        return "<p>Nothing has been promoted from this study.</p>"
    names = list(dict.fromkeys([*promoted.tuned, *promoted.untuned]))
    heads = [("on the test functions", ""), (f"trial {promoted.trial}", "num"), ("untuned, zero-shot", "num"), ("gain", "num")]
    rows = [
        ("", [escape(name), measured(promoted.tuned.get(name)), measured(promoted.untuned.get(name)), _gain(promoted, name)])
        for name in names
    ]
    count = promoted.functions
    of = f" Means over {count} functions that the search never saw, with 95 % intervals." if count else ""
    figures = table(heads, rows) if rows else "<p>Its test figures are not kept any more.</p>"
    return f"<p>Trial {promoted.trial} was promoted.{of}</p>{figures}{pairs(promoted.facts)}"


def _gain(promoted: PromotedLine, name: str) -> str:
    """The difference, and whether the two intervals lie apart: a cautious reading."""
    tuned, untuned = promoted.tuned.get(name), promoted.untuned.get(name)
    if tuned is None or untuned is None:
        return "-"
    ends = (tuned.low, tuned.high, untuned.low, untuned.high)
    apart = None not in ends and (_least(tuned) > _most(untuned) or _most(tuned) < _least(untuned))
    note = "intervals lie apart" if apart else "intervals overlap"
    return f"{tuned.value - untuned.value:+.3f}" + ("" if None in ends else f"<small>{note}</small>")


def _least(value: Measured) -> float:
    return value.value if value.low is None else value.low


def _most(value: Measured) -> float:
    return value.value if value.high is None else value.high


def outcomes_table(lines: Sequence[TrialLine]) -> str:
    """How many trials ended how."""
    counts = Counter(line.ending for line in lines)
    rows = []
    for ending in (*ENDINGS, *(other for other in counts if other not in ENDINGS)):
        if counts[ending]:
            numbers = [line.number for line in lines if line.ending == ending]
            rows.append(("", [tag(ending), str(counts[ending]), _numbers(numbers)]))
    return table([("outcome", ""), ("trials", "num"), ("which", "why")], rows) if rows else ""


def reasons_table(lines: Sequence[TrialLine]) -> str:
    """Why trials did not complete, the same reasons together, most frequent first."""
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for line in lines:
        if line.ending not in ("completed", "open"):
            groups[line.ending, line.reason].append(line.number)
    ordered = sorted(groups.items(), key=lambda item: (-len(item[1]), item[1]))
    rows = [("", [tag(ending), _numbers(numbers), escape(reason, 600)]) for (ending, reason), numbers in ordered[:_MOST_REASONS]]
    left = len(ordered) - len(rows)
    more = f'<p class="note">{left} more reasons are left out.</p>' if left else ""
    return table([("outcome", ""), ("trials", "why"), ("reason", "why")], rows) + more if rows else ""


def trials_table(report: StudyReport) -> str:
    """Every trial in a row."""
    names = [o.name for o in report.objectives]
    settings = list(dict.fromkeys(name for line in report.trials for name in line.settings))
    heads = [("trial", "num"), ("outcome", ""), *((name, "num") for name in names), *((name, "num") for name in settings)]
    heads += [("min", "num"), ("peak GiB", "num")]
    rows = []
    for line in report.trials:
        values = [measured(line.values.get(name)) for name in names]
        ran = "-" if line.seconds is None else f"{line.seconds / 60:.1f}"
        marked = "knee" if line.is_knee else ""
        shown = [str(line.number), tag(line.ending) + (" front" if line.on_front else ""), *values]
        rows.append((marked, [*shown, *(setting(line.settings.get(name)) for name in settings), ran, _peak(line)]))
    body = table(heads, rows)
    return f"<details><summary>All {len(rows)} trials</summary>{body}</details>" if rows else ""


def samples_part(samples: Samples | None) -> str:
    """Suites before and after, one function open and the others to be opened."""
    if samples is None or not samples.shown:
        return ""
    beside = f" beside those of the untuned base ({escape(samples.before)})" if samples.before else ""
    lead = (
        f"<p>What {escape(samples.title)} wrote{beside}, for {len(samples.shown)} of {samples.total} {escape(samples.split)} "
        "functions: the first in the split's own order, not the best. <i>Kept</i> tests pass every time and check something.</p>"
    )
    return lead + "".join(_sample(sample, first=place == 0) for place, sample in enumerate(samples.shown))


def _sample(sample: Sample, *, first: bool) -> str:
    rows = [("", _sample_row(name, written)) for name, written in (("before", sample.before), ("after", sample.after))]
    figures = ("tests kept", "line / branch coverage", "mutants killed")
    heads = [("", ""), ("verdict", ""), *((name, "num") for name in figures), ("", "why")]
    both = "".join(f"<div><h3>{name}</h3>{_suite(w)}</div>" for name, w in (("Before", sample.before), ("After", sample.after)))
    source = f"<h3>The function</h3>{code(sample.source)}" if sample.source else ""
    change = f"{verdict(sample.before)} → {verdict(sample.after)}"
    summary = f"<summary>{escape(sample.function_id)} <small>{escape(change)}</small></summary>"
    return f'<details{" open" if first else ""}>{summary}{table(heads, rows)}<div class="two">{both}</div>{source}</details>'


def _sample_row(name: str, written: Written | None) -> list[str]:
    why = escape(written.detail, 400) if written is not None else "not known"
    return [name, escape(verdict(written)), kept(written), coverage(written), kills(written), why]


def _suite(written: Written | None) -> str:
    if written is None:
        return code("")
    note = "" if written.has_tests else '<p class="note">No whole test; this is what the model wrote.</p>'
    return note + code(written.shown)


def tag(ending: str) -> str:
    """An ending in its colour."""
    words, css = ENDINGS.get(ending, (ending, "no"))
    return f'<span class="tag {css}">{escape(words)}</span>'


def setting(value: Any) -> str:
    """A setting as short as it can be written."""
    if value is None:
        return ""
    return f"{value:.3g}" if isinstance(value, float) else escape(value, 60)


def _peak(line: TrialLine) -> str:
    return "-" if line.peak_bytes is None else f"{line.peak_bytes / _GIB:.2f}"


def _numbers(numbers: Sequence[int]) -> str:
    shown = ", ".join(map(str, numbers[:_MOST_NUMBERS]))
    return shown if len(numbers) <= _MOST_NUMBERS else f"{shown} and {len(numbers) - _MOST_NUMBERS} more"
