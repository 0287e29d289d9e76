"""The smallest suite that does what many do together. Pure: what a test covers is given, as a set of whatever is counted.

Owns the greedy cover and the dropping of what it leaves redundant; how coverage and kills are measured is nobody's business here.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Choice:
    """A test that may be kept.

    Attributes:
        covers: What it does: lines, branches, killed mutants.
        cost: What keeping it costs a reader; at least 0. Decides between tests that do equally much.
    """

    covers: frozenset[Hashable]
    cost: float = 1.0


def smallest_cover(choices: Sequence[Choice]) -> list[int]:
    """The tests to keep: together they cover what all do, and none of them could be left out.

    Greedy: the test that adds most is taken next, the cheaper and then the earlier one of equals. That is at most ln(n) + 1
    times as many as the fewest there are; what later ones made redundant is dropped, dearest first.

    Args:
        choices: All tests.

    Returns:
        Positions in `choices`, ascending.

    Source:
        V. Chvátal, A greedy heuristic for the set-covering problem, Mathematics of Operations Research 4 (1979).
    """
    left = frozenset().union(*(choice.covers for choice in choices))
    taken: list[int] = []
    while left:
        best = max(range(len(choices)), key=lambda at: (len(choices[at].covers & left), -choices[at].cost, -at))
        taken.append(best)
        left -= choices[best].covers
    return sorted(_without_redundant(choices, taken))


def _without_redundant(choices: Sequence[Choice], taken: Sequence[int]) -> list[int]:
    kept = list(taken)
    for at in sorted(taken, key=lambda one: (-choices[one].cost, -one)):
        others = frozenset().union(*(choices[one].covers for one in kept if one != at))
        if choices[at].covers <= others:
            kept.remove(at)
    return kept
