from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.fallback import calmer
from harness.core.params import TrialParams

params = st.builds(
    TrialParams,
    learning_rate=st.floats(1e-6, 1e-1),
    warmup_ratio=st.floats(0, 1),
    max_grad_norm=st.floats(0, 10),
    lr_scheduler_type=st.sampled_from(["linear", "cosine", "constant", "constant_with_warmup"]),
)


def climbed(start: TrialParams) -> list[tuple[TrialParams, str]]:
    """All attempts, each from the settings of the one before."""
    steps: list[tuple[TrialParams, str]] = []
    while (step := calmer(steps[-1][0] if steps else start, len(steps) + 1)) is not None:
        steps.append(step)
    return steps


def test_the_ladder() -> None:
    start = TrialParams(learning_rate=4e-4, warmup_ratio=0.03, max_grad_norm=1.0)
    first = replace(start, learning_rate=2e-4)
    second = replace(first, warmup_ratio=0.1)
    third = replace(second, max_grad_norm=0.3)
    assert climbed(start) == [
        (first, "learning_rate 0.0004 -> 0.0002"),
        (second, "warmup_ratio 0.03 -> 0.1"),
        (third, "max_grad_norm 1 -> 0.3"),
    ]


@pytest.mark.parametrize(("was", "now"), [(0.0, 0.1), (0.04, 0.1), (0.2, 0.4), (0.3, 0.5), (0.49, 0.5)])
def test_warmup_is_doubled_within_its_bounds(was: float, now: float) -> None:
    step = calmer(TrialParams(warmup_ratio=was), 2)
    assert step is not None
    assert step[0] == TrialParams(warmup_ratio=now)


@pytest.mark.parametrize(("was", "now"), [(0.0, 0.3), (3.0, 0.3), (0.6, 0.2), (0.3, 0.1)])
def test_clipping_gets_tighter_and_none_counts_as_loose(was: float, now: float) -> None:
    step = calmer(TrialParams(max_grad_norm=was), 3)
    assert step is not None
    assert step[0].max_grad_norm == pytest.approx(now)


@pytest.mark.parametrize("useless", [TrialParams(warmup_ratio=0.5), TrialParams(lr_scheduler_type="constant", warmup_ratio=0.0)])
def test_warmup_that_changes_nothing_gives_way_to_clipping(useless: TrialParams) -> None:
    step = calmer(useless, 2)
    assert step is not None
    assert step[0] == replace(useless, max_grad_norm=0.3)


@given(params)
def test_three_attempts_each_calmer_in_one_setting_and_no_other(start: TrialParams) -> None:
    attempts = [start, *(step for step, _ in climbed(start))]
    assert len(attempts) == 4
    for before, after in pairwise(attempts):
        changed = {name for name, value in after.to_dict().items() if before.to_dict()[name] != value}
        assert len(changed) == 1
        assert changed <= {"learning_rate", "warmup_ratio", "max_grad_norm"}
        assert after.learning_rate <= before.learning_rate
        assert after.warmup_ratio >= before.warmup_ratio
        assert after.max_grad_norm < (before.max_grad_norm or float("inf")) or after.max_grad_norm == before.max_grad_norm


def test_attempts_count_from_one() -> None:
    assert calmer(TrialParams(), 4) is None
    with pytest.raises(ValueError, match="from 1"):
        calmer(TrialParams(), 0)
