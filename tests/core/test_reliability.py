from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.calibration import Observation
from harness.core.reliability import Decision, reliability, wilson_interval

GIB = 1 << 30


def decided(estimate: float, *, admitted: bool, oom: bool = False, group: str = "nf4") -> Decision:
    size = int(estimate * GIB)
    return Decision(admitted, size, size, 4 * GIB, oom, "card", "m", group)


def peak(ratio: float, group: str = "nf4", *, censored: bool = False) -> Observation:
    return Observation("card", "m", group, GIB, int(ratio * GIB), censored)


def test_a_sweep_without_trials_says_nothing() -> None:
    found = reliability([], [])
    assert found.as_metrics() == {"guard_admitted": 0.0, "guard_admitted_oom": 0.0, "guard_rejected": 0.0}
    assert found.sentence().startswith("no trial was admitted; none was refused")


def test_what_was_admitted_is_counted() -> None:
    found = reliability([decided(3, admitted=True)] * 19 + [decided(3.9, admitted=True, oom=True)], [])
    assert (found.admitted, found.admitted_oom, found.p_oom_admitted) == (20, 1, 0.05)
    assert found.p_rejected_would_fit == 0.0
    assert found.sentence() == "1 of 20 admitted trials ran out of memory (95 % interval 0.9-23.6 %); none was refused"


def test_what_was_refused_is_judged_by_the_ratios_of_its_group() -> None:
    decisions = [decided(3, admitted=True)] * 3 + [decided(4.2, admitted=False)] * 2
    ratios = [peak(0.9), peak(0.94), peak(1.0), peak(1.1), peak(0.1, "int8")]
    found = reliability(decisions, ratios)
    assert found.p_rejected_would_fit == pytest.approx(1 / 4)  # two refused with a half each, against three that fitted
    assert "about 25.0 % of what would have fitted was refused (estimated from 5 observed peaks)" in found.sentence()


def test_another_group_is_used_where_its_own_has_none_and_cut_off_peaks_count_as_not_fitting() -> None:
    decisions = [decided(3, admitted=True), decided(4.2, admitted=False)]
    found = reliability(decisions, [peak(0.9, "int8"), peak(0.9, "int8", censored=True)])
    assert found.p_rejected_would_fit == pytest.approx(0.5 / 1.5)


def test_without_a_peak_of_that_model_it_is_not_known() -> None:
    found = reliability([decided(3, admitted=True), decided(9, admitted=False)], [])
    assert found.p_rejected_would_fit is None
    assert "guard_p_rejected_would_fit" not in found.as_metrics()
    assert "no observed peak" in found.sentence()


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"), [(0, 100, 0.0, 0.03699), (5, 100, 0.02154, 0.11175), (10, 10, 0.72247, 1.0)]
)
def test_intervals_known_from_tables(hits: int, of: int, low: float, high: float) -> None:
    assert wilson_interval(hits, of) == pytest.approx((low, high), abs=1e-4)


@given(of=st.integers(1, 5000), data=st.data())
def test_an_interval_holds_its_share(of: int, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, of))
    low, high = wilson_interval(hits, of)
    assert 0 <= low <= hits / of <= high <= 1


@given(
    decisions=st.lists(st.tuples(st.floats(0.1, 9), st.booleans(), st.booleans()), max_size=30),
    ratios=st.lists(st.floats(0.2, 4), max_size=20),
)
def test_every_share_is_a_share(decisions: list[tuple[float, bool, bool]], ratios: list[float]) -> None:
    made = [decided(size, admitted=admitted, oom=oom) for size, admitted, oom in decisions]
    metrics = reliability(made, [peak(ratio) for ratio in ratios]).as_metrics()
    assert all(0 <= value <= 1 for name, value in metrics.items() if "_p_" in name)
    assert metrics["guard_admitted"] + metrics["guard_rejected"] == len(made)
