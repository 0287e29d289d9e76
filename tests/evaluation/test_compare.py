from __future__ import annotations

import math
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.compare import Difference, compare_scores, holm, paired_difference

eighths = st.integers(0, 8).map(lambda count: count / 8)  # exact in binary, with many ties, as scores have
pairs = st.lists(st.tuples(eighths, eighths), min_size=1, max_size=40)
p_values = st.dictionaries(st.text(max_size=3), st.floats(0, 1), max_size=8)
few = settings(max_examples=30, deadline=None)


def compare(values: list[tuple[float, float]], seed: int = 0) -> Difference:
    return paired_difference([a for a, _ in values], [b for _, b in values], seed)


def exact_p(differences: list[float]) -> float:
    """Two-sided sign-flip p-value by going through every pattern."""
    sums = [
        sum(sign * value for sign, value in zip(signs, differences, strict=True))
        for signs in product((-1, 1), repeat=len(differences))
    ]
    return sum(abs(one) >= abs(sum(differences)) for one in sums) / len(sums)


@few
@given(pairs)
def test_swapping_the_two_turns_the_sign(values: list[tuple[float, float]]) -> None:
    one, other = compare(values), compare([(b, a) for a, b in values])
    assert (one.mean, one.wins, one.losses, one.ties) == (-other.mean, other.losses, other.wins, other.ties)
    assert one.p_value == other.p_value
    assert [one.low, one.high] == pytest.approx([-other.high, -other.low])


@few
@given(pairs)
def test_the_figures_belong_together(values: list[tuple[float, float]]) -> None:
    found = compare(values)
    assert found.low <= found.mean <= found.high
    assert 0 < found.p_value <= 1
    assert found.wins + found.losses + found.ties == found.n == len(values)
    assert found == compare(values)
    assert (found.p_adjusted, found.left_out) == (None, 0)


@few
@given(st.lists(eighths, min_size=1, max_size=40))
def test_a_scoring_does_not_differ_from_itself(values: list[float]) -> None:
    found = paired_difference(values, values, seed=3)
    assert found == Difference(0.0, 0.0, 0.0, 1.0, len(values), 0, 0, len(values))


@few
@given(pairs, st.integers(-16, 16))
def test_what_both_gain_makes_no_difference(values: list[tuple[float, float]], gain: int) -> None:
    assert compare([(a + gain, b + gain) for a, b in values]) == compare(values)


@few
@given(st.lists(st.integers(-8, 8).map(lambda count: count / 8), min_size=1, max_size=9))
def test_the_p_value_is_near_the_exact_one(differences: list[float]) -> None:
    exact = exact_p(differences)
    error = math.sqrt(exact * (1 - exact) / 10_000)
    assert paired_difference(differences, [0.0] * len(differences), seed=5).p_value == pytest.approx(exact, abs=5 * error + 2e-4)


def test_the_p_value_agrees_with_scipy() -> None:
    stats = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(8)
    a, b = rng.integers(0, 5, 60) / 4, rng.integers(0, 4, 60) / 4
    there = stats.permutation_test((a - b,), np.mean, permutation_type="samples", n_resamples=20_000, rng=1)
    assert paired_difference(a.tolist(), b.tolist(), seed=1).p_value == pytest.approx(there.pvalue, abs=0.01)


def test_three_wins_are_not_proof_but_many_are() -> None:
    few_wins = paired_difference([1.0] * 3 + [0.5] * 97, [0.0] * 3 + [0.5] * 97, seed=0)
    assert few_wins.p_value == pytest.approx(0.25, abs=0.03)
    many = paired_difference([1.0] * 40 + [0.5] * 60, [0.0] * 40 + [0.5] * 60, seed=0)
    assert many.p_value == 1 / 10_001
    assert (many.wins, many.ties, many.mean) == (40, 60, 0.4)


def test_a_difference_of_thirds_reaches_itself() -> None:
    """Sums of one third differ in their last bit by their order."""
    assert paired_difference([1 / 3] * 7, [0.0] * 7, seed=0).p_value == pytest.approx(2 / 128, abs=0.005)


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng, hits, errors, rounds = np.random.default_rng(11), 0, 0, 300
    for seed in range(rounds):
        hard = rng.random(100)
        a, b = (rng.random(100) < 0.1 + 0.8 * hard), (rng.random(100) < 0.8 * hard)  # true difference 0.1
        found = paired_difference(a.astype(float).tolist(), b.astype(float).tolist(), seed)
        hits += found.low <= 0.1 <= found.high
        same = (rng.random(100) < 0.8 * hard).astype(float).tolist()
        errors += paired_difference(same, b.astype(float).tolist(), seed).p_value <= 0.05
    assert 0.91 <= hits / rounds <= 0.98
    assert errors / rounds <= 0.08


def test_blocks_do_not_change_what_is_drawn_much(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    a, b = rng.random(50).tolist(), rng.random(50).tolist()
    whole = paired_difference(a, b, seed=4)
    monkeypatch.setattr("evaluation.aggregate.CHUNK", 64)
    parts = paired_difference(a, b, seed=4)
    assert (parts.low, parts.high, parts.p_value) == pytest.approx((whole.low, whole.high, whole.p_value), abs=0.02)


@pytest.mark.parametrize(
    ("a", "b", "resamples", "says"),
    [
        ([1.0], [1.0, 2.0], 10_000, "equal lengths"),
        ([], [], 10_000, "no values"),
        ([1.0], [1.0], 9_999, "too few"),
        ([math.nan], [1.0], 10_000, "not finite"),
    ],
)
def test_what_cannot_be_compared_is_refused(a: list[float], b: list[float], resamples: int, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        paired_difference(a, b, 0, resamples)


@given(p_values)
def test_holm_never_lowers_and_keeps_the_order(raw: dict[str, float]) -> None:
    adjusted = holm(raw)
    assert list(adjusted) == list(raw)
    assert all(raw[name] <= adjusted[name] <= 1 for name in raw)
    ranked = sorted(raw, key=lambda name: (raw[name], adjusted[name]))
    assert [adjusted[name] for name in ranked] == sorted(adjusted.values())
    assert holm(dict(reversed(raw.items()))) == adjusted


def test_holm_by_hand() -> None:
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005}) == pytest.approx({"a": 0.03, "b": 0.06, "c": 0.06, "d": 0.02})
    assert holm({"only": 0.2}) == {"only": 0.2}
    assert holm({}) == {}
    with pytest.raises(ValueError, match="'b'"):
        holm({"a": 0.5, "b": math.nan})


def test_scores_are_compared_on_what_they_share() -> None:
    base = {f"f{index}": index % 3 / 2 for index in range(40)}
    better = {name: min(1.0, value + 0.5) for name, value in base.items() if name != "f0"} | {"new": 1.0}
    found = compare_scores(base, {"better": better, "same": dict(base)}, seed=7)
    assert list(found) == ["better", "same"]
    assert (found["better"].n, found["better"].left_out, found["same"].left_out) == (39, 2, 0)
    assert found["better"].losses == 0
    assert found["better"].mean > 0
    assert found["better"].p_adjusted == 2 * found["better"].p_value
    assert found["same"].p_adjusted == 1


def test_the_order_of_the_functions_makes_no_difference() -> None:
    rng = np.random.default_rng(0)
    base, other = ({f"f{index}": float(value) for index, value in enumerate(rng.random(30))} for _ in range(2))
    there = compare_scores(base, {"other": other}, seed=1)
    assert compare_scores(dict(reversed(base.items())), {"other": dict(reversed(other.items()))}, seed=1) == there
    alone = paired_difference([other[name] for name in sorted(base)], [base[name] for name in sorted(base)], seed=1)
    assert there["other"] == replace(alone, p_adjusted=alone.p_value)


def test_nothing_in_common_is_an_error() -> None:
    with pytest.raises(ValueError, match="'other' shares no function"):
        compare_scores({"f": 1.0}, {"other": {"g": 1.0}}, seed=0)
    assert compare_scores({"f": 1.0}, {}, seed=0) == {}
