"""What is said of training examples that did not fit."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.sweep.left_out import left_out_sentence

COUNTS = st.integers(0, 10_000)


def metrics(kept: int, dropped: int, tests: int) -> dict[str, float]:
    return {"train_examples": kept, "train_examples_dropped": dropped, "train_tests_dropped": tests}


def test_functions_and_tests_are_counted() -> None:
    said = left_out_sentence(metrics(63, 37, 146)) or ""
    assert said.startswith("37 of 100 training functions have no test that fits max_length and max_completion_tokens")
    assert said.endswith("146 tests left out in all")
    assert "1 of 3 training functions has" in (left_out_sentence(metrics(2, 1, 1)) or "")


@given(kept=COUNTS, dropped=COUNTS, tests=COUNTS)
def test_silent_only_where_nothing_was_left_out(kept: int, dropped: int, tests: int) -> None:
    said = left_out_sentence(metrics(kept, dropped, tests))
    assert (said is None) == (dropped == tests == 0)
    assert said is None or str(tests) in said


def test_a_trial_that_never_trained_says_nothing() -> None:
    assert left_out_sentence({"peak_bytes": 1.0}) is None
