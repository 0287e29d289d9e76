"""What a study has seen, over the wire and back."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.study.history import Past, PastState

numbers = st.floats(allow_nan=False, allow_infinity=False)
pasts = st.builds(
    Past,
    st.integers(0, 10_000),
    st.dictionaries(st.text(max_size=8), st.one_of(st.integers(), numbers, st.booleans(), st.text(max_size=8)), max_size=4),
    st.sampled_from(PastState),
    st.lists(st.one_of(st.none(), st.tuples(numbers, numbers)), max_size=3).map(tuple),
    st.dictionaries(st.sampled_from(["memory", "stability", "rung"]), numbers),
)


@given(pasts)
def test_json_brings_back_the_same(past: Past) -> None:
    assert Past.from_dict(json.loads(json.dumps(past.to_dict()))) == past


def test_the_rung_reached_is_the_highest_with_values() -> None:
    assert Past(0, {}, PastState.RUNNING).reached is None
    assert Past(0, {}, PastState.PAUSED, ((0.5,), None)).reached == 0
    assert Past(0, {}, PastState.COMPLETE, (None, (0.5,), (0.6,))).reached == 2


def test_only_what_is_violated_counts() -> None:
    past = Past(0, {}, PastState.INFEASIBLE, (), {"memory": 0.25, "stability": -1.0, "rung": 0.5})
    assert past.violation == pytest.approx(0.75)
