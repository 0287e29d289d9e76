from __future__ import annotations

from collections import Counter
from typing import Any

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.config.fields import Choices, FloatRange, IntRange
from harness.config.space import Space, contains
from harness.study.sampling import distributions
from harness.sweep.plan_space import draw, ends, value_at

SPACE = Space.model_validate(
    {
        "r": {"low": 8, "high": 64, "log": True},
        "learning_rate": {"low": 1e-5, "high": 5e-4, "log": True},
        "warmup_ratio": {"low": 0.0, "high": 0.1},
        "lora_dropout": {"low": 0.0, "high": 0.2, "step": 0.05},
        "quantization": {"choices": ["none", "int8", "nf4"]},
        "max_length": {"low": 256, "high": 1024, "step": 256},
    }
)
PLACES = st.floats(0, 1, exclude_max=True)


def test_the_same_seed_draws_the_same_settings() -> None:
    assert draw(SPACE, 50, 3) == draw(SPACE, 50, 3)
    assert draw(SPACE, 50, 3) != draw(SPACE, 50, 4)


def test_every_setting_is_one_that_optuna_holds() -> None:
    axes = distributions(SPACE)
    for setting in draw(SPACE, 300, 0):
        assert list(setting) == list(SPACE.axes())
        for name, value in setting.items():
            axis = axes[name]
            assert axis._contains(axis.to_internal_repr(value)), (name, value)


def test_each_value_is_as_frequent_as_in_optunas_random_sampling() -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    asked = [dict(study.ask(distributions(SPACE)).params) for _ in range(600)]
    drawn = draw(SPACE, 600, 1)

    def mean(rows: list[dict[str, Any]], name: str) -> float:
        return sum(float(row[name]) for row in rows) / len(rows)

    for name, spread in (
        ("r", 17.0),
        ("learning_rate", 1.3e-4),
        ("warmup_ratio", 0.03),
        ("lora_dropout", 0.07),
        ("max_length", 290),
    ):
        assert abs(mean(asked, name) - mean(drawn, name)) < 4 * spread / 600**0.5, name
    counted = Counter(row["quantization"] for row in drawn)
    assert set(counted.values()) == {200}


@given(PLACES, st.integers(1, 50), st.integers(0, 90), st.integers(1, 7), st.booleans())
def test_whole_numbers_stay_in_their_range(place: float, low: int, width: int, step: int, log: bool) -> None:
    axis = IntRange(low=low, high=low + width, log=log, step=1 if log else step)
    value = value_at(axis, place)
    assert isinstance(value, int)
    assert axis.low <= value <= axis.high
    assert (value - low) % axis.step == 0


@given(PLACES, st.floats(1e-6, 1), st.floats(0, 10), st.booleans())
def test_numbers_stay_in_their_range(place: float, low: float, width: float, log: bool) -> None:
    axis = FloatRange(low=low, high=low + width, log=log)
    assert contains(axis, value_at(axis, place))


def test_both_ends_of_a_range_can_be_drawn() -> None:
    axis = IntRange(low=8, high=64, log=True)
    assert (value_at(axis, 0.0), value_at(axis, 1 - 1e-12)) == (8, 64)
    stepped = FloatRange(low=0.0, high=0.2, step=0.05)
    assert (value_at(stepped, 0.0), value_at(stepped, 1 - 1e-12)) == (0.0, pytest.approx(0.2))
    assert [value_at(Choices[str](choices=("a", "b")), place) for place in (0.49, 0.5)] == ["a", "b"]


def test_the_ends_of_the_space_are_plain_values() -> None:
    found = ends(SPACE)
    assert found["quantization"] == ("none", "int8", "nf4")
    assert found["r"] == (8, 64)
