"""Suites before and after tuning, read from trial folders: what a run's samples.md and the report of a study show.

Owns which untuned base a trial is laid beside: the zero-shot one that wrote for the same functions. Writes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from harness.files.record_files import read_records
from harness.study.ledger import Ledger
from harness.sweep.paths import Paths
from harness.tracking.samples import MOST_SAMPLES, Sample, Samples, Written
from harness.trial.spec import GeneratedSuite, TrialSpec, read_suites
from harness.trial.trial_dir import TrialDir


def read_samples(folder: TrialDir, untuned: Iterable[TrialDir], split: str) -> Samples | None:
    """The first suites of a trial beside those of the untuned base.

    Args:
        folder: Of the trial.
        untuned: Folders of untuned bases, see `untuned_folders`; the one with the most functions in common is taken.
        split: What its functions are.

    Returns:
        None where the trial has written no suite.
    """
    suites = _suites(folder)
    if not suites or not folder.spec_file.exists():
        return None
    spec = folder.read_spec()
    wanted = {suite.function_id for suite in suites}
    base, earlier = _nearest(untuned, wanted)
    sources = _sources(Path(spec.generate.functions_file))
    after, before = _written(folder, suites), _written(base, earlier) if base is not None else {}
    ids = [suite.function_id for suite in suites[:MOST_SAMPLES]]
    shown = tuple(Sample(name, sources.get(name, ""), before.get(name), after.get(name)) for name in ids)
    return Samples(spec.name, base.read_spec().name if base is not None else "", split, shown, len(suites))


def untuned_folders(paths: Paths, ledger: Ledger) -> list[TrialDir]:
    """Folders of zero-shot bases: of the study itself, and of the one that its baselines were taken over from."""
    studies = [ledger.name]
    key = ledger.noted("baseline_key")
    elsewhere = ledger.noted_elsewhere("baseline_key", key, "baselines") if key else None
    if elsewhere is not None:
        studies.append(elsewhere[0])
    found = [TrialDir(path) for study in studies for path in sorted((paths.trials / study).glob("*")) if path.is_dir()]
    return [folder for folder in found if folder.suites_file.exists() and _is_untuned(folder)]


def _is_untuned(folder: TrialDir) -> bool:
    spec: TrialSpec | None = folder.read_spec() if folder.spec_file.exists() else None
    return spec is not None and spec.train is None and spec.adapter is None and not spec.generate.shots


def _nearest(untuned: Iterable[TrialDir], wanted: set[str]) -> tuple[TrialDir | None, list[GeneratedSuite]]:
    best: tuple[TrialDir | None, list[GeneratedSuite]] = (None, [])
    most = 0
    for folder in untuned:
        suites = _suites(folder)
        common = len(wanted & {suite.function_id for suite in suites})
        if common > most:
            best, most = (folder, suites), common
    return best


def _suites(folder: TrialDir) -> list[GeneratedSuite]:
    return read_suites(folder.suites_file) if folder.suites_file.exists() else []


def _sources(file: Path) -> dict[str, str]:
    return {record.id: record.source for record in read_records(file)} if file.exists() else {}


def _written(folder: TrialDir, suites: Iterable[GeneratedSuite]) -> dict[str, Written]:
    read = json.loads(folder.scores_file.read_text("utf-8")) if folder.scores_file.exists() else {"scores": []}
    scores = {score["function_id"]: score for score in read["scores"]}
    return {suite.function_id: _with_score(suite, scores.get(suite.function_id, {})) for suite in suites}


def _with_score(suite: GeneratedSuite, score: Mapping[str, Any]) -> Written:
    figures = score.get("figures", {})
    return Written(
        suite.code,
        suite.raw,
        suite.truncated,
        score.get("verdict", ""),
        score.get("detail", ""),
        score.get("passed", 0),
        score.get("collected", 0),
        figures.get("line_coverage"),
        figures.get("branch_coverage"),
        score.get("killed", 0),
        score.get("killable"),
    )
