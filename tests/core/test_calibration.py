from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.admission import Budget, Reject, admit
from harness.core.calibration import UNCORRECTED, Correction, Observation, enough, group_of, learn
from harness.core.memory import MemoryEstimate
from harness.core.params import Quantization, TrialParams

PREDICTED = 1 << 31
RATIOS = st.floats(min_value=0.3, max_value=3.0)
COVERAGES = st.sampled_from([0.5, 0.8, 0.9, 0.95])


def seen(ratio: float, group: str = "nf4", *, censored: bool = False, model: str = "m", device: str = "card") -> Observation:
    return Observation(device, model, group, PREDICTED, round(PREDICTED * ratio), censored)


def estimate(total: int) -> MemoryEstimate:
    return MemoryEstimate((("loss", total),), total, "loss")


def learned(observations: list[Observation], coverage: float = 0.95, group: str = "nf4") -> Correction:
    return learn(observations, "card", "m", group, coverage)


def test_nothing_is_corrected_before_anything_is_known() -> None:
    others = [seen(2.0, model="another"), seen(2.0, device="another")]
    assert learned(others) == UNCORRECTED
    assert UNCORRECTED.applied(estimate(100)) == estimate(100)


@pytest.mark.parametrize(("coverage", "expected"), [(0.5, 1), (0.8, 4), (0.9, 9), (0.95, 19), (0.99, 99)])
def test_how_many_peaks_a_coverage_takes(coverage: float, expected: int) -> None:
    assert enough(coverage) == expected


def test_with_few_peaks_it_is_the_largest_ratio_and_says_what_that_covers() -> None:
    found = learned([seen(1.02), seen(1.1), seen(0.9)])
    assert (round(found.factor, 6), found.coverage, found.count) == (1.1, 0.75, 3)
    assert found.basis == "3 peaks of all settings"


def test_with_few_peaks_it_never_goes_below_one() -> None:
    assert learned([seen(0.8)] * 18).factor == 1.0


def test_with_enough_peaks_it_is_the_rank_and_may_go_below_one() -> None:
    found = learned([seen(0.5 + n / 100) for n in range(39)])
    assert (round(found.factor, 6), found.coverage) == (0.87, 38 / 40)  # the 38th smallest of 39
    assert found.basis == "39 peaks of nf4"


def test_a_group_without_enough_peaks_takes_those_of_all_settings_but_not_less_than_its_own() -> None:
    many = [seen(0.9, "int8")] * 40
    assert learned(many).factor == 1.0
    assert learned([*many, seen(1.2)]).factor == pytest.approx(1.2)
    assert learned([*many, seen(1.2)], group="int8").factor == pytest.approx(0.9)


def test_a_killed_trial_of_the_group_is_not_forgotten_under_many_that_fitted() -> None:
    many = [seen(1.0)] * 100
    assert learned([*many, seen(1.3, censored=True)]).factor > 1.3
    assert learned([*many, seen(1.3)]).factor == pytest.approx(1.0)


def test_a_rank_on_a_killed_trial_is_only_at_least_and_the_coverage_says_so() -> None:
    found = learned([seen(1.0)] * 10 + [seen(1.2, censored=True)] * 9)
    assert found.factor > 1.2
    assert found.coverage == 9 / 20
    assert found.basis == "19 peaks of nf4, 9 of them cut off"


@pytest.mark.parametrize("coverage", [0.4, 1.0, 1.5])
def test_a_coverage_out_of_range_is_refused(coverage: float) -> None:
    with pytest.raises(ValueError, match="coverage"):
        learned([], coverage)


@pytest.mark.parametrize(("predicted", "observed"), [(0, 1), (1, -1)])
def test_impossible_observations_are_refused(predicted: int, observed: int) -> None:
    with pytest.raises(ValueError, match="observation"):
        Observation("card", "m", "nf4", predicted, observed, censored=False)


def test_groups_are_named_by_what_decides_the_terms() -> None:
    assert group_of(TrialParams()) == "none"
    assert group_of(TrialParams(quantization=Quantization.NF4, gradient_checkpointing=True)) == "nf4 checkpointing"


@given(factor=st.floats(0.2, 5.0), total=st.integers(1, 1 << 42))
def test_terms_still_add_up(factor: float, total: int) -> None:
    corrected = Correction(factor, 0.9, 10, "10 peaks").applied(estimate(total))
    assert sum(size for _, size in corrected.terms) == corrected.total_bytes >= total * factor - 1


@given(
    ratios=st.lists(st.tuples(RATIOS, st.booleans()), max_size=60),
    killed=st.floats(1.0, 3.0),
    predicted=st.integers(1 << 20, 1 << 40),
    larger=st.integers(0, 1 << 30),
    coverage=COVERAGES,
)
def test_what_was_killed_is_refused_at_that_ceiling_and_so_is_anything_larger(
    ratios: list[tuple[float, bool]], killed: float, predicted: int, larger: int, coverage: float
) -> None:
    ceiling = round(predicted * killed)
    known = [seen(ratio, censored=cut) for ratio, cut in ratios]
    correction = learned([*known, Observation("card", "m", "nf4", predicted, ceiling, censored=True)], coverage)
    verdict = admit(correction.applied(estimate(predicted + larger)), Budget(ceiling, ceiling, "test"))
    assert isinstance(verdict, Reject)


@given(ratios=st.lists(RATIOS, min_size=2, max_size=60), coverage=COVERAGES)
def test_each_left_out_in_turn_the_stated_coverage_is_kept(ratios: list[float], coverage: float) -> None:
    """For exchangeable ratios this count over n + 1 is the probability of covering the next one, whatever the law."""
    peaks = [seen(ratio) for ratio in ratios]
    corrections = [learned(peaks[:i] + peaks[i + 1 :], coverage) for i in range(len(peaks))]
    covered = sum(peak.ratio <= correction.factor for peak, correction in zip(peaks, corrections, strict=True))
    assert covered >= sum(correction.coverage for correction in corrections) - 1e-9


# From two peaks on: a single known one states 1/2, which a killed one that needs any amount would halve.
@given(peaks=st.lists(st.tuples(RATIOS, st.booleans()), min_size=3, max_size=60), coverage=COVERAGES)
def test_killed_trials_may_have_needed_any_amount_and_the_stated_coverage_is_kept(
    peaks: list[tuple[float, bool]], coverage: float
) -> None:
    observations = [seen(ratio, censored=cut) for ratio, cut in peaks]
    corrections = [learned(observations[:i] + observations[i + 1 :], coverage) for i in range(len(observations))]
    pairs = zip(observations, corrections, strict=True)
    covered = sum(not peak.censored and peak.ratio <= correction.factor for peak, correction in pairs)
    assert covered >= sum(correction.coverage for correction in corrections) - 1e-9


@pytest.mark.parametrize("count", [5, 19, 40])
def test_on_simulated_studies_the_next_peak_is_covered_as_often_as_stated(count: int) -> None:
    draw, covered, stated, studies = random.Random(count), 0, 0.0, 2000
    for _ in range(studies):
        *past, coming = [seen(draw.lognormvariate(0.02, 0.05)) for _ in range(count + 1)]
        correction = learned(past)
        covered += coming.ratio <= correction.factor
        stated += correction.coverage
    assert covered / studies >= stated / studies - 0.015  # three standard errors
