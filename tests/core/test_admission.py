from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.admission import Admit, Budget, Reject, Step, admit, make_budget, parse_budget
from harness.core.memory import MemoryEstimate

GIB = 1 << 30
SIZES = st.integers(min_value=1, max_value=1 << 45)


def estimate(total: int) -> MemoryEstimate:
    return MemoryEstimate((("activations", total - total // 3), ("loss", total // 3)), total, "loss")


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("3.5GiB", 3 * GIB + GIB // 2),
        ("900MiB", 900 << 20),
        (" 4 gib ", 4 * GIB),
        ("4GB", 4 * 10**9),
        ("123B", 123),
        (0.9, 9 * GIB),
        (1, 10 * GIB),
    ],
)
def test_budgets_are_read(written: str | float, expected: int) -> None:
    assert parse_budget(written, 10 * GIB) == expected


@pytest.mark.parametrize("written", ["", "GiB", "3.5", "3 Gigs", "-1GiB", "0GiB", "1e3MiB", "90%", 0, 1.5, -0.1, True, math.nan])
def test_what_is_no_budget_is_refused_with_what_is_allowed(written: str | float) -> None:
    with pytest.raises(ValueError, match="allowed are"):
        parse_budget(written, GIB)


def test_what_is_free_caps_a_size_and_the_source_says_so() -> None:
    assert make_budget("8GiB", 3 * GIB, 4 * GIB) == Budget(3 * GIB, 4 * GIB, "8GiB asked, 3.00 GiB free")
    assert make_budget("2GiB", 3 * GIB, 4 * GIB) == Budget(2 * GIB, 4 * GIB, "2GiB asked, 3.00 GiB free")
    assert make_budget(0.5, 3 * GIB, 4 * GIB) == Budget(3 * GIB // 2, 4 * GIB, "0.5 of the 3.00 GiB free")


def test_a_budget_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="above 0"):
        make_budget(0.9, 0, 4 * GIB)


def test_exactly_the_budget_is_admitted() -> None:
    assert admit(estimate(GIB), Budget(GIB, 4 * GIB, "test")) == Admit(0, 0.0)


def test_a_rejection_names_the_largest_terms_and_the_overshoot() -> None:
    rejected = admit(estimate(3 * GIB), Budget(2 * GIB, 4 * GIB, "2GiB asked, 3.00 GiB free"))
    assert isinstance(rejected, Reject)
    assert rejected.constraint == 0.5
    expected = "needs about 3.00 GiB (mostly activations 2.00, loss 1.00), budget 2.00 GiB (2GiB asked, 3.00 GiB free)"
    assert rejected.reason == expected


def test_a_rejection_by_the_tracer_says_so() -> None:
    traced = MemoryEstimate((("loss", 3 * GIB),), 3 * GIB, "loss", source="tracer")
    rejected = admit(traced, Budget(2 * GIB, 4 * GIB, "test"))
    assert isinstance(rejected, Reject)
    assert rejected.reason == "needs about 3.00 GiB by the tracer (mostly loss 3.00), budget 2.00 GiB (test)"


def test_a_step_is_one_phrase() -> None:
    assert str(Step("per_device_train_batch_size", "4", "2")) == "per_device_train_batch_size 4 -> 2"


@given(peak=SIZES, budget=SIZES)
def test_admission_follows_the_sign_of_the_constraint(peak: int, budget: int) -> None:
    decision = admit(estimate(peak), Budget(budget, budget, "test"))
    assert isinstance(decision, Admit) == (peak <= budget)
    if isinstance(decision, Admit):
        assert decision.headroom_bytes == budget - peak
    assert decision.constraint == peak / budget - 1
