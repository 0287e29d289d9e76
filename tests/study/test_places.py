"""Places on an axis: whatever is drawn, clipped or put into a grid is a value that could have been proposed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from harness.study.places import holds, levels, nearest, place_of, value_at

shares = st.floats(0, 1, exclude_max=True)
int_ranges = st.builds(
    lambda low, more, step, log: IntDistribution(low, low + more * (1 if log else step), log=log, step=1 if log else step),
    st.integers(1, 100),
    st.integers(0, 500),
    st.integers(1, 7),
    st.booleans(),
)
float_ranges = st.builds(
    lambda low, factor, log: FloatDistribution(low, low * factor, log=log),
    st.floats(1e-6, 1e3),
    st.floats(1, 1e4),
    st.booleans(),
)
stepped = st.builds(
    lambda low, count, step: FloatDistribution(low, low + count * step, step=step),
    st.sampled_from([0.0, 0.5, 1.0]),
    st.integers(0, 20),
    st.sampled_from([0.125, 0.25, 0.5]),
)
choices = st.lists(st.one_of(st.integers(), st.booleans(), st.text(max_size=3)), min_size=1, max_size=4, unique_by=repr).map(
    CategoricalDistribution
)
ranges = st.one_of(int_ranges, float_ranges, stepped)


@given(st.one_of(ranges, choices), shares)
def test_every_place_has_a_value_that_the_distribution_holds(axis: BaseDistribution, place: float) -> None:
    assert holds(axis, value_at(axis, place))


@given(ranges, shares, shares)
def test_places_and_values_rise_together_and_lead_back(axis: BaseDistribution, one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert value_at(axis, low) <= value_at(axis, high)
    value = value_at(axis, one)
    assert 0 <= place_of(axis, value) <= 1
    if not axis.single() and isinstance(axis, IntDistribution):
        assert value_at(axis, min(place_of(axis, value), 1 - 1e-9)) == value


@given(st.one_of(ranges, choices), st.integers(2, 9))
def test_a_grid_has_distinct_values_of_the_axis_both_ends_among_them(axis: BaseDistribution, points: int) -> None:
    found = levels(axis, points)
    assert all(holds(axis, value) for value in found)
    assert len({repr(value) for value in found}) == len(found)
    if isinstance(axis, IntDistribution | FloatDistribution):
        assert found == sorted(found)
        assert found[0] == axis.low
        assert found[-1] == pytest.approx(axis.high)


def test_a_grid_goes_by_steps_where_there_are_some_and_by_the_logarithm_where_asked() -> None:
    assert levels(IntDistribution(512, 2048, step=512), 3) == [512, 1024, 1536, 2048]
    assert levels(IntDistribution(1, 3), 5) == [1, 2, 3]
    assert levels(FloatDistribution(0, 0.3, step=0.1), 2) == pytest.approx([0, 0.1, 0.2, 0.3])
    assert levels(FloatDistribution(1e-5, 1e-3, log=True), 3) == pytest.approx([1e-5, 1e-4, 1e-3])
    assert levels(IntDistribution(4, 64, log=True), 3) == [4, 16, 64]
    assert levels(FloatDistribution(0, 1), 3) == [0, 0.5, 1]


@given(ranges, st.floats(-1e6, 1e6))
def test_what_lies_outside_is_moved_to_something_inside_and_what_lies_inside_stays(axis: BaseDistribution, value: float) -> None:
    moved = nearest(axis, value)
    assert holds(axis, moved)
    assert nearest(axis, moved) == moved


@pytest.mark.parametrize(
    ("axis", "value"),
    [
        (CategoricalDistribution(["a", "b"]), "c"),
        (CategoricalDistribution([1, 2]), True),
        (IntDistribution(1, 4), "2"),
        (IntDistribution(1, 4), True),
        (IntDistribution(1, 4), 2.5),
        (IntDistribution(1, 7, step=2), 2),
        (FloatDistribution(0, 1), float("nan")),
        (FloatDistribution(0, 1), 1.5),
        (FloatDistribution(0, 1, step=0.25), 0.3),
    ],
)
def test_what_could_not_have_been_proposed_is_told_apart(axis: BaseDistribution, value: Any) -> None:
    assert not holds(axis, value)


def test_what_is_no_number_has_no_nearest_value() -> None:
    assert nearest(CategoricalDistribution(["a", "b"]), "c") is None
    assert nearest(IntDistribution(1, 4), "2") is None
    assert nearest(FloatDistribution(0, 1), float("inf")) is None
