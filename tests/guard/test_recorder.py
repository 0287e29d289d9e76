from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from harness.core.curve import CurvePoint
from harness.guard.recorder import CurveRecorder


def recorded(values: list[int], most: int) -> tuple[CurvePoint, ...]:
    recorder = CurveRecorder(most)
    for at, value in enumerate(values):
        recorder.add(CurvePoint(float(at), value, 0))
    return recorder.points()


@given(values=st.lists(st.integers(0, 100), max_size=400), most=st.sampled_from((4, 5, 10, 64)))
def test_a_curve_is_short_in_order_and_keeps_its_extremes(values: list[int], most: int) -> None:
    points = recorded(values, most)
    assert len(points) <= most
    assert all(values[int(point.seconds)] == point.used_bytes for point in points)
    assert [point.seconds for point in points] == sorted({point.seconds for point in points})
    if values:
        assert max(point.used_bytes for point in points) == max(values)
        assert min(point.used_bytes for point in points) == min(values)


def test_a_short_curve_is_kept_whole() -> None:
    assert [point.used_bytes for point in recorded(list(range(500)), 1000)] == list(range(500))


def test_a_long_curve_is_covered_evenly() -> None:
    points = recorded(list(range(100_000)), 1000)
    gaps = [later.seconds - point.seconds for point, later in pairwise(points)]
    assert max(gaps) <= 100_000 / 100
