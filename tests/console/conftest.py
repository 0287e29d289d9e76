"""Fixtures: the recorded sweep, its rows, and a clock."""

from __future__ import annotations

import pytest
from promotions import promotion
from recorded_sweep import GIB, NAMES, OBJECTIVES, PARAMS, REASON, Clock, Recording

from harness.console.view import ResultRow, SweepHeader, SweepSummary
from harness.core.measured import Measured
from harness.core.outcome import Ending
from harness.core.pareto import Objective


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def rows() -> tuple[ResultRow, ...]:
    def figures(*values: float) -> dict[str, Measured | None]:
        return {name: Measured(v, max(0.0, v - 0.09), v + 0.09) for name, v in zip(NAMES, values, strict=False)}

    return (
        ResultRow("base zero-shot", "baseline", {}, figures(0.0, 0.0, 0.0)),
        ResultRow("trial 2", "trial", PARAMS["trial 2"], {}, ending=Ending.PRUNED_MEMORY, reason=REASON),
        ResultRow("trial 3", "trial", {**PARAMS["trial 1"], "r": 32}, figures(0.2, 0.2, 0.1)),
        ResultRow("trial 1", "trial", PARAMS["trial 1"], {**figures(0.3, 0.5), "mutation_score": None}, on_front=True),
        ResultRow("trial 0", "trial", PARAMS["trial 0"], figures(0.46, 0.41, 0.22), on_front=True, is_knee=True),
    )


@pytest.fixture
def objectives() -> tuple[Objective, ...]:
    return OBJECTIVES


@pytest.fixture
def recording(rows: tuple[ResultRow, ...]) -> Recording:
    header = SweepHeader(
        study="quickstart",
        model="HuggingFaceTB/SmolLM2-135M-Instruct",
        data={"train": 98, "validation": 24, "selection": 16, "test": 26},
        space={"r": "8-64 log", "learning_rate": "1e-4-5e-3 log", "warmup_ratio": "0-0.1", "quantization": "none, int8, nf4"},
        objectives=OBJECTIVES,
        budget_bytes=8 * GIB,
        device="host, a processor with a long name (2 cores)",
        n_trials=3,
        storage={"study": "mlruns/study.db", "tracking": "mlruns/mlflow.db"},
    )
    return Recording(header, SweepSummary(rows, OBJECTIVES, 1023.0, "harness ui", promotion()))
