from __future__ import annotations

import random
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.simulation.card import SimulatedCard
from harness.simulation.faults import FaultPlan
from harness.simulation.probe import IdleProbe

GIB = 1 << 30


def test_peaks_spread_around_their_estimate() -> None:
    card = SimulatedCard("c", 4 * GIB)
    ratios = [card.peak(GIB, {"r": r}) / GIB for r in range(500)]
    assert median(ratios) == pytest.approx(0.95, abs=0.02)
    assert 0.8 < min(ratios) < 0.9 < 1.0 < max(ratios) < 1.15
    assert card.peak(GIB, {"r": 3}) == card.peak(GIB, {"r": 3})
    assert SimulatedCard("c", 4 * GIB, seed=1).peak(GIB, {"r": 3}) != card.peak(GIB, {"r": 3})


@given(needs=st.lists(st.none() | st.integers(1, 5 * GIB), max_size=6), budget=st.integers(GIB, 8 * GIB))
def test_several_trials_never_exceed_the_budget(needs: list[int | None], budget: int) -> None:
    card = SimulatedCard("c", budget)
    placed: list[int | None] = []
    for need in needs:
        if card.has_room(need, placed):
            placed.append(need)
    if len(placed) > 1:
        assert None not in placed
        assert sum(n for n in placed if n is not None) <= budget


def test_an_idle_card_takes_anything() -> None:
    card = SimulatedCard("c", GIB)
    assert card.has_room(None, [])
    assert card.has_room(9 * GIB, [])  # whether it may start at all is the gate's to say
    probe = IdleProbe(card, "cuda")
    assert (probe.available(), probe.sample().used_bytes, probe.own_bytes()) == (GIB, 0, None)


def test_faults_are_drawn_as_often_as_asked_and_the_same_again() -> None:
    plan = FaultPlan(deaths=0.2, slow=0.5, slower=4.0, seed=3)
    drawn = [plan.fault(trial, rung, 0) for trial in range(300) for rung in range(3)]
    assert sum(f.dies_at is not None for f in drawn) / len(drawn) == pytest.approx(0.2, abs=0.05)
    assert sum(f.slower == 4.0 for f in drawn) / len(drawn) == pytest.approx(0.5, abs=0.06)
    assert all(0 < f.dies_at < 1 for f in drawn if f.dies_at is not None)
    assert plan.fault(7, 1, 0) == FaultPlan(0.2, 0.5, 4.0, 3).fault(7, 1, 0)
    assert any(plan.fault(t, 0, 0) != plan.fault(t, 0, 1) for t in range(20))  # another attempt, another fate


def test_without_faults_nothing_goes_wrong() -> None:
    draw = random.Random(0)
    for _ in range(50):
        fault = FaultPlan(seed=draw.randint(0, 9)).fault(draw.randint(0, 99), 0, 0)
        assert (fault.dies_at, fault.slower) == (None, 1.0)
