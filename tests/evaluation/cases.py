"""Functions with one suite each: reads them from text files and scores many of them in one call. Asserts nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluation import FocalFunction, Report, ScoreSettings, Suite, SuiteScore, score_suites

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Case:
    """A function and a suite for it.

    Attributes:
        name: Unique within one scoring.
        suite: A whole pytest file, or None to give none.
        source: The function's module.
        entry_point: The focal function.
        oracle: Its oracle suite, or None.
    """

    name: str
    suite: str | None
    source: str
    entry_point: str
    oracle: str | None = None


def read_cases(file: str) -> list[Case]:
    """The sections of a text file: ``# %% name``, ``# entry: name``, the module, ``# -- suite``, the suite."""
    found = []
    for section in (FOLDER / file).read_text("utf-8").removeprefix("# %% ").split("\n# %% "):
        name, entry, rest = section.split("\n", 2)
        source, suite = rest.split("# -- suite\n")
        found.append(Case(name, suite, source, entry.removeprefix("# entry: ")))
    return found


def score_all(cases: Sequence[Case], settings: ScoreSettings) -> tuple[dict[str, SuiteScore], Report]:
    """Scores by name, and the whole report."""
    functions = [FocalFunction(case.name, case.source, case.entry_point, case.oracle) for case in cases]
    suites = [Suite(case.name, case.suite) for case in cases if case.suite is not None]
    report = score_suites(functions, suites, settings)
    return {score.function_id: score for score in report.scores}, report
