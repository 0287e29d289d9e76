"""Functions with the same tests are one task, however differently they are written."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.data.splitting.shared_tests import Tests, sharing_tests, with_shared_tests

NONE = frozenset[int]()
MARKS = st.lists(st.frozensets(st.integers(0, 12), max_size=6), max_size=12)


def joined(*marks: frozenset[int]) -> list[int]:
    return with_shared_tests(range(len(marks)), Tests([b""] * len(marks), marks))


def test_equal_suites_join_and_functions_without_one_do_not() -> None:
    assert with_shared_tests([0, 1, 2, 3], Tests([b"s", b"", b"s", b""], [NONE] * 4)) == [0, 1, 0, 2]


def test_what_is_joined_takes_its_whole_cluster_along() -> None:
    assert with_shared_tests([0, 0, 1, 1, 2], Tests([b"", b"s", b"", b"s", b""], [NONE] * 5)) == [0, 0, 0, 0, 1]


def test_two_asserts_join_where_they_are_half_of_those_of_either_function() -> None:
    one = frozenset({1, 2, 3, 4})
    assert joined(one, frozenset({1, 2, 5, 6})) == [0, 0]
    assert joined(one, frozenset({1, 5, 6, 7})) == [0, 1], "one assert may be chance"
    assert joined(frozenset(range(6)), frozenset({0, 1, *range(10, 14)})) == [0, 1], "two of six"
    assert joined(frozenset(range(100)), frozenset({0, 1})) == [0, 0], "all of the smaller suite"


def test_an_assert_that_stands_everywhere_says_nothing() -> None:
    everywhere = [frozenset({1, 2, 100 + k}) for k in range(65)]
    assert len(set(joined(*everywhere))) == 65
    assert len(set(joined(*everywhere[:64]))) == 1


@given(MARKS, st.randoms(use_true_random=False))
def test_the_order_of_the_functions_does_not_matter(marks: list[frozenset[int]], rng: object) -> None:
    order = list(range(len(marks)))
    rng.shuffle(order)  # type: ignore[attr-defined]
    first, second = joined(*marks), joined(*(marks[at] for at in order))
    for a in range(len(order)):
        for b in range(a):
            assert (second[a] == second[b]) == (first[order[a]] == first[order[b]])


@given(MARKS, MARKS)
def test_across_two_sets_exactly_the_pairs_that_would_be_joined(mine: list[frozenset[int]], theirs: list[frozenset[int]]) -> None:
    found = sharing_tests(Tests([b""] * len(mine), mine), Tests([b""] * len(theirs), theirs))
    assert found == [at for at, one in enumerate(mine) if any(joined(one, other) == [0, 0] for other in theirs)]
