"""Owns which functions are the same task because they have the same tests, however differently they are written. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.data.splitting.disjoint import Labels

_AT_LEAST = 2  # asserts in common
_SHARED = 0.5  # of the asserts of the function that has fewer
_COMMON = 64  # functions: an assert that stands in more of them says nothing about any


@dataclass(frozen=True, slots=True)
class Tests:
    """What is compared of the tests of some functions.

    Attributes:
        suites: Equal for equal suites, whatever the function is called; empty without one.
        marks: Hashes of each function's asserts.
    """

    __test__ = False  # pytest would collect the name

    suites: Sequence[bytes]
    marks: Sequence[frozenset[int]]


def with_shared_tests(cluster: Sequence[int], tests: Tests) -> list[int]:
    """Clusters, joined where functions of two of them share tests.

    Equal suites join, and so do at least two asserts in common that are half of those of either function.

    Args:
        cluster: Cluster number of each function.
        tests: Of the same functions.

    Returns:
        A cluster number for each function; numbered from 0 in order of appearance.
    """
    labels = Labels(len(cluster))
    first: dict[int | bytes, int] = {}
    for at, number in enumerate(cluster):
        labels.join(first.setdefault(number, at), [at])
        if suite := tests.suites[at]:
            labels.join(first.setdefault(suite, at), [at])
    for one, other in _sharing(tests.marks):
        labels.join(one, [other])
    return labels.numbered()


def sharing_tests(tests: Tests, of: Tests) -> list[int]:
    """Which functions share tests with any function of another set, as in `with_shared_tests`.

    Args:
        tests: Of the functions that are looked at.
        of: Of the set.

    Returns:
        Indices into `tests`, ascending.
    """
    known, border = {suite for suite in of.suites if suite}, len(of.marks)
    same = {at for at, suite in enumerate(tests.suites) if suite in known}
    # The set stands first, so that the later of a pair is one of the functions that are looked at.
    across = {at - border for at, other in _sharing([*of.marks, *tests.marks]) if other < border <= at}
    return sorted(same | across)


def _sharing(marks: Sequence[frozenset[int]]) -> Iterator[tuple[int, int]]:
    having: dict[int, list[int]] = {}
    for at, mine in enumerate(marks):
        for mark in mine:
            having.setdefault(mark, []).append(at)
    for at, mine in enumerate(marks):
        shared = Counter(other for mark in mine if len(having[mark]) <= _COMMON for other in having[mark] if other < at)
        for other, count in shared.items():
            if count >= max(_AT_LEAST, _SHARED * min(len(mine), len(marks[other]))):
                yield at, other
