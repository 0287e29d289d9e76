from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.measured import Measured
from harness.core.steps import (
    ADAPTERS_OWN,
    LEAST_RATE,
    BatchSeen,
    Continuation,
    Pinned,
    Step,
    StepResult,
    StepsState,
    batch_name,
    changed_sections,
    continuation,
    next_number,
    next_rate,
    study_name,
)
from harness.core.steps_points import kept_metrics, points

SHAPE = {"r": 8, "lora_alpha": 16, "target_modules": ["q_proj", "v_proj"], "use_rslora": False, "lora_dropout": 0.05}
TRAINING = {"r": 16, "lora_alpha": None, "target_modules": "all-linear", "use_rslora": True, "learning_rate": 2e-3, "optim": "x"}
RESULT = StepResult(
    3, "trials/x-step-000/trial-3/adapter", "ab", {"learning_rate": 1e-3}, {"pass_rate": 0.5, "pass_rate_low": 0.4}
)


def step(number: int, result: StepResult | None = None) -> Step:
    return Step(number, study_name("x", number), "m", 10, 10, "scratch", 1.0, {"model": "a"}, result)


def state(*steps: Step) -> StepsState:
    return StepsState("x", Pinned({"validation": "d"}, {"validation": 3}, "o"), (), steps)


def test_a_step_under_way_is_taken_up_before_a_new_one() -> None:
    assert next_number(None) == 0
    assert next_number(state()) == 0
    assert next_number(state(step(0))) == 0
    assert next_number(state(step(0, RESULT))) == 1
    assert next_number(state(step(0, RESULT), step(1))) == 1


def test_starting_a_step_again_replaces_it_and_its_batches() -> None:
    begun = state(step(0, RESULT)).started(step(1), (BatchSeen("batch_000", {}), BatchSeen("batch_001", {"a": "1"})))
    again = begun.started(replace(step(1), manifest="n"), (BatchSeen("batch_000", {}), BatchSeen("batch_001", {"a": "2"})))
    assert [s.manifest for s in again.steps] == ["m", "n"]
    assert again.batches[1].files == {"a": "2"}
    assert again.ended(1, RESULT).finished == again.ended(1, RESULT).steps


def test_names_sort_as_they_are_counted() -> None:
    assert [study_name("weekly", 3), batch_name(12)] == ["weekly-step-003", "batch_012"]


def test_the_digest_of_the_hold_out_covers_every_split() -> None:
    one = Pinned({"validation": "a", "test": "b"}, {}, "here")
    assert one.digest == Pinned({"test": "b", "validation": "a"}, {}, "there").digest
    assert one.digest != Pinned({"validation": "a", "test": "c"}, {}, "here").digest


def test_sections_that_make_scores_incomparable_are_named() -> None:
    before = replace(step(0), sections={"model": "a", "generation": "b", "evaluation": "c"})
    assert changed_sections(before, before.sections) == ()
    assert changed_sections(before, {**before.sections, "generation": "x", "evaluation": "y"}) == ("generation", "evaluation")


def test_going_on_fixes_the_adapters_shape_and_halves_the_learning_rate() -> None:
    space = {"r": {"low": 4, "high": 64}, "learning_rate": {"low": 1e-4, "high": 4e-3, "log": True, "step": None}}
    queued = ({"r": 8}, {"r": 8, "learning_rate": 1e-3}, {"learning_rate": 1e-3})
    made = continuation(Continuation(space, TRAINING, queued, ()), SHAPE, 3e-3, 0.5)
    assert made.space == {"learning_rate": {"low": 5e-5, "high": 2e-3, "log": True, "step": None}}
    assert made.training == {**TRAINING, **SHAPE, "learning_rate": 1.5e-3}
    assert made.enqueue == ({"learning_rate": 5e-4},)
    assert "not searched any more: r" in made.notes[0]


def test_where_nothing_is_left_to_search_the_learning_rate_is() -> None:
    made = continuation(Continuation({"r": {"choices": [4, 8]}}, TRAINING, (), ()), SHAPE, 2e-3, 0.5)
    assert made.space == {"learning_rate": {"low": 5e-4, "high": 2e-3, "log": True}}
    assert made.training["learning_rate"] == 1e-3


def test_a_learning_rate_that_nobody_searches_stays_out_of_the_space() -> None:
    made = continuation(Continuation({"warmup_ratio": {"low": 0, "high": 0.1}}, TRAINING, (), ()), SHAPE, 2e-3, 0.5)
    assert list(made.space) == ["warmup_ratio"]


AXES = st.one_of(
    st.tuples(st.floats(1e-6, 1e-3), st.floats(1e-3, 1e-1)).map(lambda ends: {"low": ends[0], "high": ends[1], "log": True}),
    st.lists(st.floats(1e-6, 1e-1), min_size=1, max_size=4, unique=True).map(lambda choices: {"choices": choices}),
)


@given(axis=AXES, share=st.floats(0, 1), steps=st.integers(1, 12))
def test_however_many_steps_trial_0_lies_in_the_space_and_never_below_the_floor(
    axis: dict[str, Any], share: float, steps: int
) -> None:
    ends = axis["choices"] if "choices" in axis else [axis["low"], axis["high"]]
    start = min(ends) if "choices" in axis else axis["low"] + share * (axis["high"] - axis["low"])
    training = {**TRAINING, "learning_rate": start}
    chosen, rate = start, 1.0
    for _ in range(steps):
        rate = next_rate(rate)
        made = continuation(Continuation({"learning_rate": axis}, training, (), ()), SHAPE, chosen, rate)
        found, value = made.space["learning_rate"], made.training["learning_rate"]
        inside = value in found["choices"] if "choices" in found else found["low"] <= value <= found["high"]
        assert inside
        assert not set(ADAPTERS_OWN) & set(made.space)
        assert value >= LEAST_RATE * min(ends) * (1 - 1e-9)
        chosen = value
    assert rate >= LEAST_RATE


@pytest.mark.parametrize(("before", "after"), [(1.0, 0.5), (0.5, 0.25), (0.25, 0.125), (0.125, 0.125)])
def test_halving_ends_at_an_eighth(before: float, after: float) -> None:
    assert next_rate(before) == after


def test_points_are_the_finished_steps_with_their_intervals() -> None:
    base = replace(RESULT, base={"pass_rate": 0.1})
    (point,) = points(state(step(0, base), step(1)))
    assert point.values == {"pass_rate": Measured(0.5, 0.4, None)}
    assert point.base == {"pass_rate": Measured(0.1)}
    assert (point.number, point.trial, point.trained_on) == (0, 3, 10)


def test_of_a_trials_metrics_only_scores_and_their_bounds_are_kept() -> None:
    metrics = {"pass_rate": 1.0, "pass_rate_low": 0.9, "pass_rate_high": 1.0, "pass_rate_other": 2.0, "peak_bytes": 5.0}
    assert set(kept_metrics(metrics, ("pass_rate", "branch_coverage"))) == {"pass_rate", "pass_rate_low", "pass_rate_high"}
