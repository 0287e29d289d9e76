"""Scores generated unit tests by running them: pass rate, coverage and mutation score of the function under test.

Knows nothing of how the tests were made. Every number is defined in docs/metrics.md.
"""

from __future__ import annotations

from evaluation.aggregate import Aggregate, Mean
from evaluation.compare import Difference, compare_scores, holm, lower_bound, paired_difference
from evaluation.errors import EvaluationError, SandboxUnavailableError
from evaluation.records import (
    Figures,
    FocalFunction,
    MutantFate,
    MutantOutcome,
    ScoreSettings,
    Suite,
    SuiteScore,
    TestVerdict,
    Verdict,
)
from evaluation.sandbox import SandboxStrength, sandbox_strength
from evaluation.score import Report, score_suites
from evaluation.verdicts import SCORER_VERSION

__all__ = [
    "SCORER_VERSION",
    "Aggregate",
    "Difference",
    "EvaluationError",
    "Figures",
    "FocalFunction",
    "Mean",
    "MutantFate",
    "MutantOutcome",
    "Report",
    "SandboxStrength",
    "SandboxUnavailableError",
    "ScoreSettings",
    "Suite",
    "SuiteScore",
    "TestVerdict",
    "Verdict",
    "compare_scores",
    "holm",
    "lower_bound",
    "paired_difference",
    "sandbox_strength",
    "score_suites",
]
