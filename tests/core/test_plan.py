from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness.core.memory import MemoryEstimate
from harness.core.plan import Fate, Setting, changes, durations, main_terms, peaks, share, shares
from harness.core.speed import Seconds

NOTHING = Seconds(0.0, 0.0, 0.0)


def estimate(**terms: int) -> MemoryEstimate:
    return MemoryEstimate(tuple(terms.items()), sum(terms.values()), "backward")


def setting(size: int, fate: Fate = Fate.FITS, expected: float | None = None, *steps: tuple[str, str]) -> Setting:
    seconds = None if expected is None else Seconds(expected / 2, expected, expected * 2)
    return Setting({"r": size}, estimate(weights=size), fate, steps, seconds)


@example(0, 125)  # 1.7e-18 by the formula alone
@given(st.integers(0, 400), st.integers(1, 400))
def test_a_share_lies_in_its_interval(count: int, more: int) -> None:
    found = share(min(count, more), more)
    assert 0 <= found.low <= found.value <= found.high + 1e-12 <= 1 + 1e-9
    assert found.low < found.high


def test_the_interval_is_wilsons() -> None:
    found = share(10, 100)
    assert (found.low, found.high) == (pytest.approx(0.0552, abs=1e-4), pytest.approx(0.1744, abs=1e-4))
    assert share(0, 0).value == 0.0


def test_every_fate_is_counted_and_shares_add_up() -> None:
    found = shares([setting(1), setting(2), setting(3, Fate.REFUSED), setting(4)])
    assert list(found) == list(Fate)
    assert [s.count for s in found.values()] == [3, 0, 1]
    assert sum(s.value for s in found.values()) == 1.0


def test_peaks_are_of_what_was_drawn() -> None:
    found = peaks([setting(size) for size in (5, 1, 9, 3)])
    assert (found.smallest, found.median, found.largest) == (1, 4, 9)


def test_changes_are_counted_by_parameter_with_the_most_frequent_example() -> None:
    batch = "per_device_train_batch_size"
    drawn = [
        setting(1),
        setting(9, Fate.ADAPTED, None, (batch, f"{batch} 4 -> 2")),
        setting(9, Fate.ADAPTED, None, (batch, f"{batch} 8 -> 2"), ("optim", "optim a -> b")),
        setting(9, Fate.ADAPTED, None, (batch, f"{batch} 8 -> 2")),
    ]
    assert [(c.name, c.count, c.example) for c in changes(drawn)] == [(batch, 3, f"{batch} 8 -> 2"), ("optim", 1, "optim a -> b")]


def test_refused_settings_take_no_time() -> None:
    drawn = [setting(1, Fate.FITS, 10.0), setting(9, Fate.REFUSED)]
    found = durations(drawn, 30, Seconds(1.0, 2.0, 4.0), adapting=False)
    assert found is not None
    assert found.sweep.expected == 30 / 2 * 10 + 2
    assert found.sweep.high == 30 * 20 + 4  # unless the sampler learns to avoid them
    assert found.trial == Seconds(5.0, 10.0, 20.0)


def test_adapted_settings_take_time_only_where_the_file_adapts() -> None:
    drawn = [setting(1, Fate.FITS, 10.0), setting(9, Fate.ADAPTED, 30.0)]
    found = [durations(drawn, 10, NOTHING, adapting=adapting) for adapting in (True, False)]
    assert [d.sweep.expected for d in found if d] == [200.0, 50.0]
    assert durations([setting(9, Fate.ADAPTED, 30.0)], 10, NOTHING, adapting=False) is None
    assert durations([setting(1)], 10, NOTHING, adapting=True) is None


def test_terms_stand_side_by_side_and_add_up() -> None:
    rows = main_terms([estimate(a=100, b=5, c=40), estimate(a=10, b=90, d=3)], 2)
    assert rows == (("a", (100, 10)), ("b", (5, 90)), ("everything else", (40, 3)))


@given(st.lists(st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 10**10), min_size=1), min_size=1, max_size=3))
def test_no_byte_is_lost_among_the_terms(tables: list[dict[str, int]]) -> None:
    rows = main_terms([estimate(**table) for table in tables], 3)
    for column, table in enumerate(tables):
        assert sum(sizes[column] for _, sizes in rows) == sum(table.values())


def test_a_learned_correction_below_zero_is_kept() -> None:
    rows = dict(main_terms([estimate(weights=100, learned=-20)], 5))
    assert rows == {"weights": (100,), "learned": (-20,)}
