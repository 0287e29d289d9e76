from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.admission import Budget
from harness.core.watchdog import (
    Blame,
    Keep,
    Kill,
    Look,
    MemorySample,
    Rule,
    Watched,
    decide,
    exhaustion_floor,
    reconsider,
    step,
)

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
    assert (killed.constraint, killed.blame, killed.rule) == (-0.5, Blame.NEIGHBOUR, Rule.FULL)
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


def looks(
    free: Sequence[float], used: Sequence[float] | None = None, *, period: float = 0.02, paces: Sequence[float] = ()
) -> list[Look]:
    """Looks at an 8 GiB device, sizes in GiB."""
    taken = [1.0] * len(free) if used is None else used
    told = [*paces, *[None] * (len(free) - len(paces))]
    return [
        Look(index * period, MemorySample(int(mine * GIB), int(left * GIB), 8 * GIB), pace)
        for index, (left, mine, pace) in enumerate(zip(free, taken, told, strict=True))
    ]


def first_kill(seen: Iterable[Look], budget_gib: float = 4.0) -> tuple[int, Kill] | None:
    watched = Watched()
    for index, look in enumerate(seen):
        watched, decision = step(watched, look, Budget(int(budget_gib * GIB), 8 * GIB, "test"))
        if isinstance(decision, Kill):
            return index, decision
    return None


def test_a_neighbour_that_rises_steadily_ends_the_trial_before_the_device_is_full() -> None:
    killed = first_kill(looks([6 - 0.1 * at for at in range(60)]))  # 5 GiB/s
    assert killed is not None
    index, kill = killed
    assert (kill.rule, kill.blame) == (Rule.SLOPE, Blame.NEIGHBOUR)
    assert kill.constraint < 0
    assert 0.125 + 0.4 < 6 - 0.1 * index < 0.125 + 0.75  # a tenth of a second and a look before
    assert "5.0 GiB/s" in kill.reason
    assert first_kill(looks([6 - 0.1 * at for at in range(50)])) is None


def test_a_rise_that_crosses_its_budget_first_is_left_to_the_level() -> None:
    used = [0.1 * at for at in range(80)]
    killed = first_kill(looks([7.7 - mine for mine in used], used), 7.0)
    assert killed is not None
    assert killed[1].rule is Rule.LEVEL
    up_to = [min(mine, 6.95) for mine in used]
    assert first_kill(looks([7.7 - mine for mine in up_to], up_to), 7.0) is None


def test_a_trial_within_a_budget_that_the_device_no_longer_has_is_not_blamed_for_its_rise() -> None:
    used = [0.1 * at for at in range(80)]
    killed = first_kill(looks([5.0 - mine for mine in used[:49]], used[:49]), 7.0)
    assert killed is not None
    assert (killed[1].rule, killed[1].blame) == (Rule.SLOPE, Blame.NEIGHBOUR)


@pytest.mark.parametrize(
    "free",
    [
        [3.0] * 10 + [0.2] + [3.0] * 10,  # a spike
        [3.0] * 10 + [0.2] * 20,  # a step
        [3.0, 0.2] * 20,  # noise
        [3.0] * 10 + [2.5, 2.0, 1.5, 1.0, 0.5] + [0.3] * 20,  # a flank of five looks that stops
        [0.2] * 40,
    ],
)
def test_spikes_steps_and_noise_are_no_rise(free: list[float]) -> None:
    assert first_kill(looks(free)) is None


def test_a_collapse_at_the_edge_is_a_spill_and_needs_several_readings() -> None:
    paces = [1000.0 + index for index in range(10)] + [90.0, 91.0, 92.0]
    free, used = [3.0] * 10 + [0.2] * 3, [3.0] * 10 + [3.9] * 3
    killed = first_kill(looks(free, used, paces=paces))
    assert killed is not None
    assert killed[0] == 12
    assert (killed[1].rule, killed[1].blame) == (Rule.SPILL, Blame.OWN)
    assert killed[1].constraint > 0
    assert first_kill(looks([3.0] * 13, used, paces=paces)) is None  # slow with room to spare is no spill
    assert first_kill(looks(free, used, paces=[1000.0] * 13)) is None
    assert first_kill(looks(free[:12], used[:12], paces=paces[:12])) is None
    recovered = [*paces[:12], 1000.0, 93.0, 94.0]
    assert first_kill(looks([*free, 0.2, 0.2], [*used, 3.9, 3.9], paces=recovered)) is None


def test_a_spill_beside_a_neighbour_is_the_neighbours() -> None:
    paces = [1000.0 + index for index in range(10)] + [90.0, 91.0, 92.0]
    killed = first_kill(looks([0.2] * 13, paces=paces))
    assert killed is not None
    assert (killed[1].rule, killed[1].blame) == (Rule.SPILL, Blame.NEIGHBOUR)
    assert killed[1].constraint < 0


def test_a_pace_that_is_told_again_and_again_is_one_reading() -> None:
    paces = [1000.0, 1001.0, 1002.0, 1003.0, 1004.0] + [90.0] * 20
    assert first_kill(looks([0.2] * 25, [3.9] * 25, paces=paces)) is None


def test_a_sample_above_the_budget_is_judged_again_by_what_the_driver_lists() -> None:
    budget = Budget(2 * GIB, 8 * GIB, "test")
    above = MemorySample(5 * GIB, 2 * GIB, 8 * GIB)
    assert reconsider(above, GIB, budget) == Keep(GIB)
    own = reconsider(above, 5 * GIB - (50 << 20), budget)  # a context's own share is listed for nobody
    assert isinstance(own, Kill)
    assert (own.blame, own.observed_bytes) == (Blame.OWN, 5 * GIB)
    both = reconsider(above, 3 * GIB, budget)
    assert isinstance(both, Kill)
    assert (both.blame, both.observed_bytes) == (Blame.OWN, 3 * GIB)
    full = reconsider(MemorySample(7 * GIB, 1 << 20, 8 * GIB), GIB, budget)
    assert isinstance(full, Kill)
    assert (full.blame, full.constraint) == (Blame.NEIGHBOUR, -0.5)


SHARES = st.lists(st.floats(min_value=0, max_value=1), min_size=1, max_size=60)


@given(own=SHARES, budget=st.floats(min_value=0.1, max_value=0.9), pace=st.sampled_from((0.01, 0.02, 0.1, 1.0)))
def test_what_stays_within_its_budget_on_a_device_with_room_is_never_killed(own: list[float], budget: float, pace: float) -> None:
    used = [8 * budget * share for share in own]
    assert first_kill(looks([7.9 - mine for mine in used], used, period=pace), 8 * budget + 1e-6) is None


@given(free=SHARES, own=SHARES, budget=st.floats(min_value=0.05, max_value=1))
def test_blame_and_constraint_go_together(free: list[float], own: list[float], budget: float) -> None:
    length = min(len(free), len(own))
    killed = first_kill(looks([8 * share for share in free[:length]], [8 * share for share in own[:length]]), 8 * budget)
    if killed is not None:
        assert (killed[1].blame is Blame.OWN) == (killed[1].constraint > 0)
        assert "\n" not in killed[1].reason
