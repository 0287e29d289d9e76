"""Scores generated unit tests by running them: pass rate, coverage and mutation score of the function under test.

Knows nothing of how the tests were made. Every number is defined in docs/metrics.md.
"""

from __future__ import annotations

from evaluation.aggregate import Aggregate, Mean
from evaluation.errors import EvaluationError, SandboxUnavailableError
from evaluation.records import FocalFunction, ScoreSettings, Suite, SuiteScore, TestVerdict, Verdict
from evaluation.sandbox import SandboxStrength, sandbox_strength
from evaluation.score import Report, score_suites

__all__ = [
    "Aggregate",
    "EvaluationError",
    "FocalFunction",
    "Mean",
    "Report",
    "SandboxStrength",
    "SandboxUnavailableError",
    "ScoreSettings",
    "Suite",
    "SuiteScore",
    "TestVerdict",
    "Verdict",
    "sandbox_strength",
    "score_suites",
]
