from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.gain import Gain, Measure, by_function, decide, differences, scale_of
from harness.core.pareto import Objective
from harness.core.selection import Knee, Lexicographic, Step, Weights

OBJECTIVES = (Objective("pass_rate", "maximize"), Objective("copied_assert_share", "minimize"))
fractions = st.integers(0, 10).map(lambda tenths: tenths / 10)
figures = st.fixed_dictionaries({"pass_rate": fractions, "mutation_score": st.none() | fractions})
measures = st.dictionaries(st.sampled_from("abcdef"), figures, min_size=1).map(
    lambda rows: Measure({"generate_latency_p95_s": 2.0}, rows)
)


def measure(*values: float, latency: float = 1.0) -> Measure:
    return Measure({"generate_latency_p95_s": latency}, {f"f{i}": {"pass_rate": value} for i, value in enumerate(values)})


def test_every_rule_has_a_scale() -> None:
    known = {"pass_rate", "copied_assert_share"}
    assert scale_of(Knee(), OBJECTIVES, known) == {"pass_rate": 0.5, "copied_assert_share": -0.5}
    assert scale_of(Weights({"pass_rate": 2}), OBJECTIVES, known) == {"pass_rate": 2}
    rule = Lexicographic((Step("copied_assert_share", "minimize"), Step("pass_rate")))
    assert scale_of(rule, OBJECTIVES, known) == {"copied_assert_share": -1.0}


def test_what_is_one_figure_on_either_side_is_on_no_scale() -> None:
    """Two seconds less would outweigh every function, and bootstrap and p-value would call that certain."""
    known = by_function(measure(0.4, latency=1.0), measure(1.0, latency=3.0))
    assert known == {"pass_rate"}
    with_latency = (*OBJECTIVES[:1], Objective("generate_latency_p95_s", "minimize"))
    assert scale_of(Knee(), with_latency, known) == {"pass_rate": 1.0}
    assert scale_of(Weights({"generate_latency_p95_s": -1.0}), with_latency, known) == {}
    assert scale_of(Lexicographic((Step("train_loss", "minimize"), Step("pass_rate"))), OBJECTIVES, known) == {"pass_rate": 1.0}
    assert differences(measure(0.4), measure(1.0), {}) == []


@given(measures, measures)
def test_what_one_gains_the_other_loses(ours: Measure, theirs: Measure) -> None:
    scale = {"pass_rate": 1.0, "mutation_score": 0.5}
    there, back = differences(ours, theirs, scale), differences(theirs, ours, scale)
    assert len(there) == len(ours.functions.keys() & theirs.functions.keys())
    assert there == pytest.approx([-one for one in back])
    assert differences(ours, ours, scale) == [0.0] * len(ours.functions)


def test_what_is_not_defined_for_a_function_says_nothing_about_it() -> None:
    ours = Measure({}, {"a": {"mutation_score": None}, "b": {"mutation_score": 0.5}, "c": {"mutation_score": 1.0}})
    theirs = Measure({}, {"a": {"mutation_score": 1.0}, "b": {"mutation_score": 0.25}, "d": {"mutation_score": 1.0}})
    assert differences(ours, theirs, {"mutation_score": 1.0}) == [0.0, 0.25]


def test_three_wins_without_a_loss_are_no_proof() -> None:
    """The bootstrap alone would say so: every resample that holds a difference lies above 0."""
    found = Gain.of([0.5] * 3 + [0.0] * 17, bound=0.025)
    assert found.p_value == 1 / 8
    assert not decide(found, 0.95).promote
    assert decide(found, 0.85).promote


def test_both_tests_have_to_agree() -> None:
    clear = [0.3] * 12 + [0.0] * 8
    assert decide(Gain.of(clear, bound=0.1), 0.95).promote
    assert not decide(Gain.of(clear, bound=0.0), 0.95).promote
    assert not decide(Gain.of([-one for one in clear], bound=-0.3), 0.95).promote
    assert not decide(None, 0.95).promote


def test_reasons_say_what_was_found() -> None:
    assert "at least +0.100 with 95% confidence" in decide(Gain.of([0.3] * 12, bound=0.1), 0.95).reason
    assert "not better" in decide(Gain.of([-0.1], bound=-0.1), 0.95).reason
    assert "may be chance" in decide(Gain.of([0.1], bound=0.1), 0.95).reason


def test_twins_are_seldom_told_apart() -> None:
    chance = random.Random(4)
    promoted = 0
    for _ in range(300):
        pairs = [(chance.choice([0.0, 0.5, 1.0]), chance.choice([0.0, 0.5, 1.0])) for _ in range(24)]
        found = Gain.of([a - b for a, b in pairs], bound=1e-9)  # a bootstrap that never objects
        promoted += decide(found, 0.95).promote
    assert promoted / 300 < 0.09
