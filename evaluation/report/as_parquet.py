"""The report as a table for analysis: one row per suite, flat columns, absent values as nulls."""

from __future__ import annotations

import io
from dataclasses import asdict
from typing import Any

from evaluation.records import Figures, SuiteScore
from evaluation.report.content import Content, visible

COUNTS = ("collected", "passed", "asserts", "copied_asserts", "killed", "killed_by_assertion", "timeouts", "survived", "killable")


def row_of(score: SuiteScore) -> dict[str, Any]:
    """One suite: verdict, counts, and the figures of the suite, of its own part, and of the oracle (``ceiling_``)."""
    ceiling = dict.fromkeys(Figures.__slots__) if score.ceiling is None else asdict(score.ceiling)
    return {
        "function_id": visible(score.function_id),
        "verdict": score.verdict.value,
        "valid": score.valid,
        "detail": visible(score.detail),
        **asdict(score.figures),
        **{f"{name}_without_copied": value for name, value in asdict(score.without_copied).items()},
        **{f"ceiling_{name}": value for name, value in ceiling.items()},
        **{name: getattr(score, name) for name in COUNTS},
        "mutants": len(score.mutants),
        "missed_lines": len(score.missed_lines),
    }


def to_parquet(content: Content) -> bytes:
    """The file's content; types do not depend on which values are absent."""
    import pandas as pd  # half a second that the other commands need not wait for

    rows = [row_of(score) for score in content.report.scores]
    figures = [name for name in rows[0] if name.endswith((*Figures.__slots__, "_without_copied"))]
    counts = [*COUNTS, "mutants", "missed_lines"]
    frame = pd.DataFrame(rows).astype({**dict.fromkeys(figures, "Float64"), **dict.fromkeys(counts, "Int64")})
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    return buffer.getvalue()
