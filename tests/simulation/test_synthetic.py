from __future__ import annotations

import random
from statistics import mean
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.pareto import front
from harness.core.rungs import FULL, Rung
from harness.simulation.synthetic import FIGURES, SyntheticCurves

SETTINGS = st.fixed_dictionaries(
    {
        "r": st.integers(2, 64),
        "learning_rate": st.floats(5e-5, 1e-2),
        "warmup_ratio": st.floats(0.0, 0.3),
        "quantization": st.sampled_from(["none", "int8", "nf4"]),
    }
)


def drawn(seed: int, count: int) -> list[dict[str, Any]]:
    draw = random.Random(seed)
    kinds = ("none", "int8", "nf4")
    return [
        {"r": draw.randint(2, 64), "learning_rate": 10 ** draw.uniform(-4.3, -2), "warmup_ratio": draw.uniform(0, 0.3)}
        | {"quantization": draw.choice(kinds)}
        for _ in range(count)
    ]


@given(asked=SETTINGS, seed=st.integers(0, 20), share=st.floats(0.05, 1.0))
@settings(max_examples=60)
def test_the_same_question_has_the_same_answer_and_every_score_is_a_share(asked: dict[str, Any], seed: int, share: float) -> None:
    rung = Rung(share, 1.0)
    reading = SyntheticCurves(seed).read(asked, rung)
    assert reading == SyntheticCurves(seed).read(asked, rung)
    for column in reading.columns.values():
        assert len(column) == 20
        assert all(value is not None and 0 <= value <= 1 for value in column)


@given(asked=SETTINGS, seed=st.integers(0, 20), share=st.floats(0.05, 0.99))
@settings(max_examples=60)
def test_what_diverged_stays_diverged(asked: dict[str, Any], seed: int, share: float) -> None:
    curves = SyntheticCurves(seed)
    if curves.read(asked, Rung(share, 1.0)).diverged is not None:
        assert curves.read(asked, FULL).diverged is not None


def test_a_subset_of_functions_is_a_prefix() -> None:
    curves = SyntheticCurves(3)
    asked = drawn(0, 1)[0]
    whole, part = curves.read(asked, Rung(0.5, 1.0)), curves.read(asked, Rung(0.5, 0.3))
    assert part.columns["pass_rate"] == whole.columns["pass_rate"][:6]


@pytest.mark.parametrize("seed", range(6))
def test_the_family_is_worth_searching(seed: int) -> None:
    """Thousands of distinct answers, some diverge, more training helps, and there is a trade-off."""
    curves = SyntheticCurves(seed)
    readings = [curves.read(asked, FULL) for asked in drawn(seed, 400)]
    values = [tuple(r.metrics[name] for name in FIGURES) for r in readings if r.diverged is None]
    assert 0 < sum(r.diverged is not None for r in readings) < 200
    assert len(set(values)) > 0.5 * len(values)
    early = [curves.read(asked, Rung(1 / 9, 1.0)).metrics.get("pass_rate", 0.0) for asked in drawn(seed, 400)]
    assert mean(early) < mean(value[0] for value in values)
    assert len(front(values, ["maximize"] * len(FIGURES))) >= 2


def test_training_seconds_add_up_over_segments() -> None:
    curves, asked = SyntheticCurves(0), drawn(1, 1)[0]
    parts = [curves.stages(asked, 0.0, Rung(1 / 9, 1.0)), curves.stages(asked, 1 / 9, Rung(1 / 3, 1.0))]
    parts.append(curves.stages(asked, 1 / 3, FULL))
    assert sum(part.train for part in parts) == pytest.approx(curves.stages(asked, 0.0, FULL).train)
