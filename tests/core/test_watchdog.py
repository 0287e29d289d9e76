from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.core.admission import Budget
from harness.core.watchdog import Keep, Kill, MemorySample, decide, exhaustion_floor

GIB = 1 << 30
SIZES = st.integers(min_value=1, max_value=1 << 42)


def test_the_budget_itself_is_kept_and_one_byte_more_is_not() -> None:
    budget = Budget(2 * GIB, 8 * GIB, "test")
    assert decide(MemorySample(2 * GIB, 4 * GIB, 8 * GIB), budget) == Keep(0)
    over = decide(MemorySample(2 * GIB + 1, 4 * GIB, 8 * GIB), budget)
    assert isinstance(over, Kill)
    assert over.constraint > 0


def test_an_overshoot_tells_by_how_much() -> None:
    killed = decide(MemorySample(3 * GIB, 4 * GIB, 8 * GIB), Budget(2 * GIB, 8 * GIB, "0.9 of what is free"))
    assert killed == Kill("takes 3.00 GiB, budget 2.00 GiB (0.9 of what is free)", 3 * GIB, 0.5)


def test_a_device_that_a_neighbour_fills_is_not_blamed_on_the_trial() -> None:
    killed = decide(MemorySample(GIB, 10 << 20, 8 * GIB), Budget(2 * GIB, 8 * GIB, "test"))
    assert isinstance(killed, Kill)
    assert killed.constraint == -0.5
    assert "another process" in killed.reason


def test_the_floor_scales_with_small_devices() -> None:
    assert exhaustion_floor(4 * GIB) == 64 << 20
    assert exhaustion_floor(80 * GIB) == 256 << 20


@given(used=SIZES, free=SIZES, budget=SIZES)
def test_every_decision_is_consistent(used: int, free: int, budget: int) -> None:
    sample = MemorySample(used, free, used + free)
    decision = decide(sample, Budget(budget, used + free, "test"))
    if isinstance(decision, Keep):
        assert decision.headroom_bytes == budget - used >= 0
        assert free >= exhaustion_floor(sample.total_bytes)
    else:
        assert decision.observed_bytes == used
        assert used > budget or free < exhaustion_floor(sample.total_bytes)
        assert (decision.constraint > 0) == (used / budget > 1)
