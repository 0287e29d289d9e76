from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.placement import Load, place, threads

needs = st.one_of(st.none(), st.integers(0, 100))
loads = st.lists(st.builds(Load, st.integers(1, 100), st.lists(needs, max_size=3).map(tuple)), max_size=5)


def test_never_beyond_the_budget() -> None:
    assert place(11, [Load(10)]) is None
    assert place(10, [Load(10)]) == 0
    assert place(4, [Load(10, (7,))]) is None
    assert place(3, [Load(10, (7,))]) == 0
    assert place(0, []) is None


def test_the_tightest_of_the_equally_busy() -> None:
    assert place(4, [Load(16), Load(8), Load(12)]) == 1
    assert place(4, [Load(16, (8,)), Load(16, (12,)), Load(16, (9,))]) == 1
    assert place(4, [Load(8), Load(8)]) == 0


def test_an_idle_device_before_a_shared_one() -> None:
    assert place(4, [Load(10, (6,)), Load(40)]) == 1


def test_an_unknown_need_wants_a_device_for_itself_and_keeps_it() -> None:
    assert place(None, [Load(10, (1,))]) is None
    assert place(None, [Load(10, (1,)), Load(10)]) == 1
    assert place(1, [Load(10, (None,))]) is None


@given(needs, loads)
def test_what_is_placed_fits_and_what_waits_fits_nowhere(needed: int | None, devices: list[Load]) -> None:
    def fits(device: Load) -> bool:
        if needed is None:
            return not device.promised
        known = [promise for promise in device.promised if promise is not None]
        return len(known) == len(device.promised) and sum(known) + needed <= device.budget_bytes

    chosen = place(needed, devices)
    if chosen is None:
        assert not any(map(fits, devices))
    else:
        assert fits(devices[chosen])
        assert len(devices[chosen].promised) == min(len(device.promised) for device in devices if fits(device))


@given(st.integers(1, 256), st.integers(1, 64))
def test_cores_are_divided_evenly_and_whole(cores: int, workers: int) -> None:
    shares = threads(cores, workers)
    assert len(shares) == workers
    assert sum(shares) == max(cores, workers)
    assert max(shares) - min(shares) <= 1


@pytest.mark.parametrize(("cores", "workers"), [(0, 1), (2, 0)])
def test_nothing_to_divide(cores: int, workers: int) -> None:
    with pytest.raises(ValueError, match="divide"):
        threads(cores, workers)
