from __future__ import annotations

import random
from statistics import fmean

import pytest

from harness.core.flattery import flattery
from harness.core.gain import Measure

SCALE = {"pass_rate": 1.0}


def measure(values: list[float], **more: list[float]) -> Measure:
    columns = {"pass_rate": values, **more}
    return Measure({}, {f"f{at:03}": {name: column[at] for name, column in columns.items()} for at in range(len(values))})


def test_what_passed_by_far_owes_nothing_to_it() -> None:
    ours = [0.9, 1.0, 0.8, 1.0, 0.9, 1.0]
    assert flattery(measure(ours), measure([0.0] * 6), SCALE, 0.95)["pass_rate"] == pytest.approx(0.0, abs=1e-6)


def test_what_differs_nowhere_or_on_one_function_is_not_corrected() -> None:
    same = measure([0.5, 0.7])
    assert flattery(same, same, SCALE, 0.95) == {}
    assert flattery(measure([1.0]), measure([0.0]), SCALE, 0.95) == {}


def test_a_metric_that_has_nothing_to_do_with_the_gain_is_left_alone() -> None:
    ours = measure([1.0, 0.0, 1.0, 0.0], line_coverage=[0.5, 0.5, 0.5, 0.5])
    found = flattery(ours, measure([0.0, 0.0, 0.5, 0.5]), SCALE, 0.95)
    assert found["line_coverage"] == 0.0
    assert found["pass_rate"] > 0.0


def test_a_metric_undefined_for_some_functions_counts_over_the_others() -> None:
    ours = Measure({}, {"a": {"x": 1.0, "y": None}, "b": {"x": 0.0, "y": 0.2}, "c": {"x": 1.0, "y": 0.9}})
    theirs = Measure({}, {"a": {"x": 0.0}, "b": {"x": 0.0}, "c": {"x": 0.5}})
    found = flattery(ours, theirs, {"x": 1.0}, 0.95)
    assert found["y"] > 0.0


def test_it_takes_off_about_half_of_what_selection_adds_to_a_gain_that_passes_half_of_the_time() -> None:
    """Function scores ~ N(true, 1), 40 functions: what passes z > 1.645 is measured too high; less so once corrected."""
    rng = random.Random(0)
    true = 1.645 / 40**0.5
    raw, corrected = [], []
    while len(raw) < 1500:
        ours = [rng.gauss(true, 1.0) for _ in range(40)]
        mean = fmean(ours)
        if mean > true:  # passes
            raw.append(mean - true)
            corrected.append(mean - flattery(measure(ours), measure([0.0] * 40), SCALE, 0.95)["pass_rate"] - true)
    assert fmean(raw) > 0.11
    assert abs(fmean(corrected)) < 0.6 * fmean(raw)
