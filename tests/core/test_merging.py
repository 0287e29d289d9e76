from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.core.merging import Choice, smallest_cover

sets = st.frozensets(st.integers(0, 12), max_size=6)
choices = st.lists(st.builds(Choice, sets, st.sampled_from([0.5, 1.0, 7.0])), max_size=10)


def union(kept: list[Choice]) -> frozenset[object]:
    return frozenset().union(*(choice.covers for choice in kept))


@given(choices)
def test_what_is_kept_does_all_that_all_do_and_nothing_of_it_can_be_left_out(given: list[Choice]) -> None:
    kept = smallest_cover(given)
    assert kept == sorted(set(kept))
    assert union([given[at] for at in kept]) == union(given)
    for at in kept:
        assert union([given[one] for one in kept if one != at]) != union(given)


@given(choices)
def test_what_is_left_out_twice_changes_nothing(given: list[Choice]) -> None:
    kept = smallest_cover(given)
    assert smallest_cover([given[at] for at in kept]) == list(range(len(kept)))


def test_of_equals_the_cheaper_is_taken_then_the_earlier() -> None:
    same = frozenset({1, 2})
    assert smallest_cover([Choice(same, 3.0), Choice(same, 1.0), Choice(same, 1.0)]) == [1]


def test_what_a_later_choice_makes_redundant_is_dropped() -> None:
    """Greedy takes the middle one first, which the two others cover together."""
    middle, left, right = frozenset({2, 3, 4, 5}), frozenset({1, 2, 3}), frozenset({4, 5, 6})
    assert smallest_cover([Choice(middle), Choice(left), Choice(right)]) == [1, 2]


def test_of_nothing_nothing_is_kept() -> None:
    assert smallest_cover([]) == []
    assert smallest_cover([Choice(frozenset())]) == []
