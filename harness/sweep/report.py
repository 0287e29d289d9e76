"""`harness report`: a study and its folders read into values, rendered to one page. Takes no lock, changes no study.

Owns the reading, for a study in any state: nothing that is missing keeps the rest from being shown.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.config.sweep_config import SweepConfig
from harness.core.errors import ExitCode, HarnessError
from harness.core.measured import Measured
from harness.core.outcome import Ending
from harness.study.ledger import Ledger, Told
from harness.study.store import load_ledger, open_storage, translated
from harness.sweep.about import ABOUT
from harness.sweep.paths import Paths
from harness.sweep.report_facts import facts_of, limits_of, spent_of
from harness.sweep.samples import read_samples, untuned_folders
from harness.sweep.search_record import search_record
from harness.sweep.segments import label_of
from harness.sweep.summary import Results, figure
from harness.tracking.run_log import kept_events, metric_rows
from harness.tracking.samples import Samples
from harness.tracking.study_plots import MOST_LINES
from harness.tracking.study_report import Facts, PromotedLine, StudyReport, TrialLine
from harness.trial.events import EventReader

REPORTED = ("valid_rate", "pass_rate", "line_coverage", "branch_coverage", "mutation_score")
_PROMOTED_FACTS = ("name", "version", "alias", "folder", "adapter_sha256")


@dataclass(frozen=True, slots=True)
class Source:
    """Where a report comes from.

    Attributes:
        paths: Where the study is kept.
        ledger: The study.
        config: Its sweep file.
        results: The study read back.
    """

    paths: Paths
    ledger: Ledger
    config: SweepConfig
    results: Results

    @classmethod
    def of(cls, paths: Paths, ledger: Ledger) -> Source:
        """Read a study.

        Raises:
            HarnessError: as `Ledger.config`.
        """
        config = ledger.config()
        return cls(paths, ledger, config, Results.read(ledger, config))


def report_command(study: str, paths: Paths, out: Path) -> Path:
    """Write the page.

    Args:
        study: The study's name.
        paths: Where it is kept.
        out: The file; its folder exists.

    Returns:
        The file.

    Raises:
        HarnessError: BAD_INPUT for an unknown study, STORAGE when the store cannot be read or the page not be written.
    """
    from harness.tracking.page import page

    paths.require_study_store()
    with translated(paths.study_url):
        report = study_report(Source.of(paths, load_ledger(open_storage(paths.study_url), study)))
    half = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        half.write_text(page(report), "utf-8")
        half.replace(out)
    except OSError as error:
        half.unlink(missing_ok=True)
        fix = "name a file in a folder that exists and is writable with --out"
        why = error.strerror or str(error)
        raise HarnessError(f"the report cannot be written to {out}", why=why, fix=fix, code=ExitCode.STORAGE) from error
    return out


def study_report(source: Source) -> StudyReport:
    """Everything that the page shows."""
    ledger, results = source.ledger, source.results
    about: Mapping[str, Any] = ledger.noted(ABOUT) or {}
    promoted = _promoted(source, about)
    shown = promoted.trial if promoted is not None else results.knee
    lines = _lines(source)
    return StudyReport(
        study=ledger.name,
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        state=_state(source, lines),
        facts=facts_of(source.config, about),
        objectives=results.objectives,
        points=results.points(),
        trials=lines,
        rungs=len(source.config.halving.schedule()),
        search=search_record(ledger, source.config, results),
        spent=spent_of(results, [line.seconds for line in lines if line.seconds is not None]),
        budget_bytes=about.get("device", {}).get("budget_bytes"),
        promoted=promoted,
        losses=_losses(source),
        samples=_samples(source, shown),
        limits=limits_of(source.config, about, results, promoted=promoted is not None),
    )


def _state(source: Source, lines: tuple[TrialLine, ...]) -> str:
    if source.ledger.noted("finished"):
        return "finished"
    open_ = sum(line.ending == "open" for line in lines)
    return f"not finished: {open_} trials are open" if open_ else "not finished"


def _lines(source: Source) -> tuple[TrialLine, ...]:
    told = [_line(source.results, told) for told in source.results.trials]
    known = {line.number for line in told}
    open_ = [
        TrialLine(opened.asked.number, "open", "not ended yet", opened.asked.proposal, rung=opened.reached)
        for opened in source.ledger.open_trials()
        if opened.asked.number not in known  # it has ended between the two looks
    ]
    return tuple(sorted((*told, *open_), key=lambda line: line.number))


def _line(results: Results, told: Told) -> TrialLine:
    values = {o.name: figure(told.metrics, o.name) for o in results.objectives} if told.values is not None else {}
    peak = told.metrics.get("peak_bytes")
    return TrialLine(
        told.number,
        told.ending.value,
        told.reason,
        told.proposal,
        {name: known for name, known in values.items() if known is not None},
        told.metrics.get("trial_runtime_s", told.duration_s),
        None if peak is None else int(peak),
        told.rung,
        told.number in results.on_front,
        told.number == results.knee,
    )


def _losses(source: Source) -> tuple[tuple[str, list[dict[str, Any]]], ...]:
    """Losses of the front's trials; of those that completed last where there is no front."""
    numbers = source.results.on_front or tuple(
        told.number for told in source.results.trials if told.ending not in (Ending.PRUNED_MEMORY, Ending.FAILED)
    )
    runs = []
    for number in numbers[:MOST_LINES]:
        folder = source.paths.trial_dir(source.ledger.name, label_of(number))
        rows = metric_rows(kept_events(EventReader(folder.events_file).new()))
        if rows:
            runs.append((label_of(number), rows))
    return tuple(runs)


def _samples(source: Source, number: int | None) -> Samples | None:
    if number is None:
        return None
    folder = source.paths.trial_dir(source.ledger.name, label_of(number))
    return read_samples(folder, untuned_folders(source.paths, source.ledger), "validation")


def _promoted(source: Source, about: Mapping[str, Any]) -> PromotedLine | None:
    noted = source.ledger.noted("promoted")
    if not isinstance(noted, Mapping) or "trial" not in noted:
        return None
    number = int(noted["trial"])
    tuned = _test_metrics(source, f"{label_of(number)} on test")
    untuned = source.ledger.noted("base_on_test") or _test_metrics(source, "base on test")
    count = about.get("data", {}).get("splits", {}).get("test", {}).get("functions") or tuned.get("functions")
    return PromotedLine(number, _said(noted), _figures(tuned), _figures(untuned), int(count) if count else None)


def _said(noted: Mapping[str, Any]) -> Facts:
    """What is known by name first, then whatever else is plain enough to be shown."""
    plain = {name: value for name, value in noted.items() if isinstance(value, str | int | float) and name != "trial"}
    names = [name for name in _PROMOTED_FACTS if name in plain] + [name for name in plain if name not in _PROMOTED_FACTS]
    return tuple((name.replace("_", " "), str(plain[name])) for name in names)


def _test_metrics(source: Source, label: str) -> dict[str, float]:
    file = source.paths.trial_dir(source.ledger.name, label).scores_file
    return dict(json.loads(file.read_text("utf-8")).get("metrics", {})) if file.exists() else {}


def _figures(metrics: Mapping[str, float]) -> dict[str, Measured]:
    found = {name: figure(metrics, name) for name in REPORTED}
    return {name: known for name, known in found.items() if known is not None}
