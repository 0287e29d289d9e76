"""From the suites a trial wrote to its figures: the only place in a sweep that runs the evaluation package."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
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
from evaluation.score import default_workers
from harness.config.sections import Evaluation
from harness.core.admission import parse_budget
from harness.core.errors import ExitCode, HarnessError
from harness.core.records import Record
from harness.files.cache import default_cache_root
from harness.files.record_files import read_records
from harness.guard.watcher import StopSignal
from harness.sweep.workplace import Workplace
from harness.trial.spec import read_suites
from harness.trial.trial_dir import TrialDir, write_atomic


class StopNowError(Exception):
    """Ctrl-C was pressed twice while suites were being scored."""


def focal_functions(records: Iterable[Record]) -> tuple[FocalFunction, ...]:
    """The records as the scorer takes them."""
    return tuple(FocalFunction(r.id, r.source, r.entry_point, r.oracle_suite) for r in records)


@dataclass(frozen=True, slots=True)
class Scoring:
    """What scoring needs to know, whichever thread does it.

    Attributes:
        settings: The scorer's.
        stop: A second request ends it.
    """

    settings: ScoreSettings
    stop: StopSignal

    @classmethod
    def of(cls, work: Workplace) -> Scoring:
        """As a sweep asks for it."""
        return cls(score_settings(work), work.stop)


def score_suites_of(
    scoring: Scoring, folder: TrialDir, functions_file: Path, on_scored: Callable[[tuple[int, int]], None]
) -> Report:
    """Run every suite in `folder` against its focal function; the report is also written to scores.json.

    Args:
        scoring: How.
        folder: A trial folder whose suites.jsonl is complete.
        functions_file: The records the suites were written for.
        on_scored: Told how many of how many functions are done.

    Raises:
        HarnessError: SANDBOX when suites cannot be run safely or the scorer itself is broken.
        StopNowError: when the user asked to stop at once.
    """
    functions = focal_functions(read_records(functions_file))
    suites = [Suite(s.function_id, s.code) for s in read_suites(folder.suites_file)]
    done = 0

    def scored(_: SuiteScore) -> None:
        nonlocal done
        done += 1
        on_scored((done, len(functions)))
        if scoring.stop.immediate:
            raise StopNowError

    try:
        report = score_suites(functions, suites, scoring.settings, scored)
    except (SandboxUnavailableError, EvaluationError) as error:
        raise HarnessError(
            "the generated tests cannot be scored",
            why=str(error),
            fix="run `harness doctor`; evaluation.sandbox chooses another sandbox",
            code=ExitCode.SANDBOX,
        ) from error
    write_atomic(folder.scores_file, json.dumps(report.to_dict(), indent=1))
    return report


def score_settings(work: Workplace) -> ScoreSettings:
    """The scorer's settings of a sweep."""
    asked: Evaluation = work.config.evaluation
    return ScoreSettings(
        mutants_per_function=None if asked.mutants_per_function == "all" else asked.mutants_per_function,
        seed=0,  # the same mutants in every study: scores stay comparable
        suite_timeout_s=asked.suite_timeout_s,
        mutant_timeout_s=asked.mutant_timeout_s,
        memory_bytes=parse_budget(asked.memory, 0),
        sandbox=asked.sandbox,
        unsafe=asked.unsafe,
        workers=asked.workers or default_workers(),
        cache_dir=evaluation_cache(work.environ),
    )


def evaluation_cache(environ: Mapping[str, str]) -> Path:
    """Where mutants and findings are kept, for sweeps and outside of them."""
    return default_cache_root(environ) / "evaluation"
