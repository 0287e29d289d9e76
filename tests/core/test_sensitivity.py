from __future__ import annotations

import random
from statistics import pvariance

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.sensitivity import deciders, variance_share

CHANCE = random.Random(7)
COLUMN = [CHANCE.random() for _ in range(512)]
OTHER = [CHANCE.random() for _ in range(512)]
CHOICE = [CHANCE.choice(["nf4", "int8", "none"]) for _ in range(512)]
SIZES = {"nf4": 10, "int8": 20, "none": 60}


def test_what_alone_decides_explains_everything() -> None:
    assert variance_share(CHOICE, [SIZES[value] for value in CHOICE]) == pytest.approx(1.0)
    assert variance_share(COLUMN, [int(1e9 * value) for value in COLUMN]) > 0.98


def test_what_has_no_effect_explains_nothing() -> None:
    assert variance_share(OTHER, [int(1e9 * value) for value in COLUMN]) < 0.03
    assert variance_share(COLUMN, [5] * 512) == 0.0
    assert variance_share(["same"] * 512, [int(1e9 * value) for value in COLUMN]) == 0.0
    assert variance_share([1], [1]) == 0.0


def test_shares_of_a_sum_are_those_of_its_parts() -> None:
    parts = [int(3e9 * value) for value in COLUMN], [int(1e9 * value) for value in OTHER]
    peaks = [one + other for one, other in zip(*parts, strict=True)]
    expected = pvariance(parts[0]) / (pvariance(parts[0]) + pvariance(parts[1]))
    assert variance_share(COLUMN, peaks) == pytest.approx(expected, abs=0.06)
    assert variance_share(OTHER, peaks) == pytest.approx(1 - expected, abs=0.06)


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 10**12)), min_size=1, max_size=60))
def test_a_share_is_a_share(points: list[tuple[int, int]]) -> None:
    values, peaks = zip(*points, strict=True)
    assert 0.0 <= variance_share(values, peaks) <= 1.0


def test_the_most_deciding_comes_first_and_what_changes_nothing_is_left_out() -> None:
    proposals = [
        {"quantization": q, "r": r, "learning_rate": lr, "ckpt": r > 0.5} for q, r, lr in zip(CHOICE, COLUMN, OTHER, strict=True)
    ]
    peaks = [SIZES[p["quantization"]] * 10**9 + int(8e9 * p["r"]) for p in proposals]
    ends = {
        "learning_rate": [(0.0, 14), (1.0, 14)],
        "r": [(0.0, 10), (1.0, 18)],
        "quantization": [("none", 64), ("int8", 24), ("nf4", 14)],
    }
    found = deciders(proposals, peaks, ends)
    assert [decider.name for decider in found] == ["quantization", "r"]
    assert found[0].lowest == ("nf4", 14)
    assert found[0].highest == ("none", 64)
