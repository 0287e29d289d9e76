from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.trend import trend

SECONDS = tuple(0.02 * at for at in range(8))


@given(slope=st.floats(-1e10, 1e10), level=st.floats(-1e10, 1e10))
def test_a_line_is_found(slope: float, level: float) -> None:
    found = trend(SECONDS, [level + slope * second for second in SECONDS])
    assert found.slope == pytest.approx(slope, abs=1e-3)
    assert found.change == pytest.approx(slope * SECONDS[-1], abs=1e-3)
    assert found.noise < 1e-3


@given(wild=st.tuples(st.integers(0, 7), st.integers(0, 7)), value=st.floats(-1e9, 1e9))
def test_two_wild_readings_of_eight_do_not_turn_a_line_round(wild: tuple[int, int], value: float) -> None:
    values = [value if at in wild else 1000.0 * second for at, second in enumerate(SECONDS)]
    assert trend(SECONDS, values).slope > 0


@pytest.mark.parametrize("at", range(1, 8))
def test_a_step_is_never_clear(at: int) -> None:
    assert not trend(SECONDS, [0.0] * at + [1.0] * (8 - at)).clear(3)


def test_a_ramp_with_some_scatter_is_clear_and_a_fall_is_not() -> None:
    scatter = (0.0, 0.05, -0.05, 0.05, 0.0, -0.05, 0.05, 0.0)
    rising = [at + wobble for at, wobble in enumerate(scatter)]
    assert trend(SECONDS, rising).clear(6)
    assert not trend(SECONDS, rising[::-1]).clear(6)
    assert not trend(SECONDS, [1.0] * 8).clear(6)


def test_one_reading_is_no_trend() -> None:
    with pytest.raises(ValueError, match="two readings"):
        trend([0.0], [1.0])
