"""What `harness evaluate` does: score the suites of a folder, of a finished adapter, or of an untuned base."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from evaluation import (
    EvaluationError,
    FocalFunction,
    Report,
    SandboxUnavailableError,
    ScoreSettings,
    Suite,
    SuiteScore,
    score_suites,
)
from evaluation.inputs.lines import InputUnusableError
from evaluation.inputs.suites import read_suites
from evaluation.report.content import Content
from evaluation.report.write import require_writable
from harness.core.errors import ExitCode, HarnessError
from harness.core.records import Record
from harness.data.prepared.execution import Execution
from harness.data.sources import registry as data_sources
from harness.data.sources.registry import load_records
from harness.files.cache import default_cache_root
from harness.files.places import expanded
from harness.sweep.located import FORMS, is_adapter, locate
from harness.sweep.paths import Paths
from harness.sweep.scoring import evaluation_cache, focal_functions
from harness.sweep.watched import Around
from harness.sweep.workplace import check_platform
from harness.sweep.writing import Writing, with_adapter, write_suites
from harness.tracking.versions import parse_version

BASE = "base:"
SHOWN = 5
"""Broken rows of the data that are named one by one."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What to evaluate.

    Attributes:
        target: An adapter folder, a registered version (``NAME``, ``NAME@alias``, ``NAME/3``), a folder or JSON Lines file of
            suites, or ``base:MODEL``.
        data: Source of the functions, as ``data.source`` in a sweep file.
        limit: The first that many functions; None for all.
        writing: How suites are written where they are not there yet; its `adapter` and `base` follow from the target.
        paths: Whose registry knows the version; None for no registry.
    """

    target: str
    data: str
    limit: int | None
    writing: Writing
    paths: Paths | None = None


def evaluate(asked: Asked, settings: ScoreSettings, around: Around) -> Content:
    """Have suites written where that is needed, and score them.

    Raises:
        HarnessError: BAD_INPUT for a target or data that cannot be used, SANDBOX when suites cannot be run safely, INTERRUPTED,
            and as `write_suites`.
    """
    check_platform()
    writing = _writing(asked, around.environ)
    records = _records(asked, around)
    functions = focal_functions(records)
    if writing is None:
        try:
            suites, problems = read_suites(expanded(asked.target), [function.id for function in functions])
        except InputUnusableError as error:
            raise HarnessError(error.what, why=error.why, fix=error.fix) from error
        return Content(_scored(functions, suites, settings, around), functions, suites, tuple(problems))
    written = _written(writing, records, around)
    return Content(_scored(functions, written, settings, around), functions, written)


def _records(asked: Asked, around: Around) -> tuple[Record, ...]:
    """The functions; what of the source is broken is said, and does not keep the rest from being used."""
    cache = default_cache_root(around.environ)
    execution = Execution(cache=evaluation_cache(around.environ))
    loaded = load_records(asked.data, around=data_sources.Around(cache, execution))
    for row in loaded.broken[:SHOWN]:
        around.tell(f"left out: {row.place}: {row.found}")
    if len(loaded.broken) > SHOWN:
        around.tell(f"left out: {len(loaded.broken) - SHOWN} more; `harness data inspect {asked.data}` names them")
    return loaded.records[: asked.limit]


def checked_out(out: Path | None) -> None:
    """Refuse a report that cannot be written before an hour of work, not after it.

    Raises:
        HarnessError: BAD_INPUT for another suffix than .json, STORAGE where nothing can be written.
    """
    if out is None:
        return
    if out.suffix != ".json":
        raise HarnessError(
            f"{out} is no report", why="it does not end in .json", fix="give --out X.json; .parquet and .html stand beside"
        )
    try:
        require_writable(out)
    except EvaluationError as error:
        raise HarnessError(error.what, why=error.why, fix=error.fix, code=ExitCode.STORAGE) from error


def _writing(asked: Asked, environ: Mapping[str, str]) -> Writing | None:
    """What writes the suites; None where the target holds them.

    Raises:
        HarnessError: BAD_INPUT when there is no such target; as `locate`.
    """
    if asked.target.startswith(BASE):
        return replace(asked.writing, adapter=None, base=asked.target.removeprefix(BASE))
    target = expanded(asked.target)
    if target.exists() and not is_adapter(target):
        return None
    if not target.exists() and (asked.paths is None or parse_version(asked.target) is None):
        fix = f"name {FORMS}, a folder or .jsonl file of suites, or base:MODEL"
        raise HarnessError(f"there is nothing to evaluate at {asked.target}", why="no such file or folder", fix=fix)
    return with_adapter(asked.writing, locate(asked.target, asked.paths or Paths.at(Path("mlruns")), environ))


def _written(writing: Writing, records: tuple[Record, ...], around: Around) -> dict[str, Suite]:
    with tempfile.TemporaryDirectory(prefix="harness-evaluate-") as folder:
        return write_suites(writing, records, Path(folder), around)


def _scored(functions: tuple[FocalFunction, ...], suites: Mapping[str, Suite], settings: ScoreSettings, around: Around) -> Report:
    done = 0

    def scored(_: SuiteScore) -> None:
        nonlocal done
        done += 1
        around.say(f"suites scored: {done} of {len(functions)}")
        if around.stop.requested:
            fix = "the same command goes on: what is scored is kept"
            raise HarnessError("interrupted", why="Ctrl-C", fix=fix, code=ExitCode.INTERRUPTED)

    try:
        return score_suites(functions, suites.values(), settings, scored)
    except (SandboxUnavailableError, EvaluationError) as error:
        fix = error.fix or "run `harness doctor`"
        raise HarnessError("the suites cannot be scored", why=str(error), fix=fix, code=ExitCode.SANDBOX) from error
