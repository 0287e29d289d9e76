"""A promotion as it may be told."""

from __future__ import annotations

from typing import Any

from recorded_sweep import NAMES

from harness.console.promotion import CandidateRow, Criterion, Promotion, Shown
from harness.core.gain import Gain
from harness.core.measured import Measured


def shown(value: float) -> Shown:
    return {name: Measured(value, max(0.0, value - 0.09), value + 0.09) for name in NAMES}


def promotion(**changes: Any) -> Promotion:
    """One that went well; `changes` replace fields."""
    values: dict[str, Any] = {
        "name": "quickstart",
        "promoted": True,
        "reason": "+0.460 on 26 functions, at least +0.371 with 95% confidence",
        "rule": "knee of the front",
        "candidates": (
            CandidateRow("trial 0", shown(0.52), shown(0.44), chosen=True),
            CandidateRow("trial 1", shown(0.55), shown(0.31)),
        ),
        "selection_functions": 16,
        "chosen": "trial 0",
        "opponent": "untuned base",
        "tested": shown(0.46),
        "opponent_tested": shown(0.0),
        "untuned": shown(0.0),
        "functions": 26,
        "test_uses": 1,
        "gain": Gain(0.46, 0.371, 1e-6, 20, 1, 5),
        "confidence": 0.95,
        "version": "1",
        "alias": "champion",
        "folder": "mlruns/promoted/quickstart",
        "criteria": (
            Criterion("pass_rate > 0.80", "0.46", met=False),
            Criterion("latency_p95_s < 10", "4.2 s", met=True),
            Criterion("smooth loss", "not measured", None),
        ),
    }
    return Promotion(**{**values, **changes})
