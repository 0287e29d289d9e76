from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from harness.core.front_volume import growth, reference_point
from harness.core.pareto import Objective, hypervolume

RATES = (Objective("pass_rate", "maximize"), Objective("peak_bytes", "minimize"))
points = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 9)), min_size=1, max_size=12)


def test_nothing_is_gained_at_zero_or_at_the_worst() -> None:
    assert reference_point([(0.5, 3.0), (0.2, 8.0)], RATES) == (0.0, 8.0)
    assert reference_point([(0.5,), (0.2,)], [Objective("generate_tokens_per_s", "maximize")]) == (0.2,)


@given(points)
def test_a_front_never_shrinks_and_ends_at_the_volume_of_all(values: list[tuple[float, ...]]) -> None:
    volumes = growth(values, RATES)
    assert len(volumes) == len(values)
    assert all(after >= before - 1e-12 for before, after in itertools.pairwise(volumes))
    whole = hypervolume(values, [o.direction for o in RATES], reference_point(values, RATES))
    assert abs(volumes[-1] - whole) < 1e-9


def test_no_trial_no_volume() -> None:
    assert growth([], RATES) == []
