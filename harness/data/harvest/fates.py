"""Owns what becomes of the test files of a code base: the words for it, and what follows for functions and files. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping

RUN = "run"
IN_PART = "run in part"
NO_TESTS = "without a test that can be run"
NOT_COLLECTED = "cannot be collected by pytest"
OUT_OF_TIME = "out of time"
DIED = "died"
TIME_UP = "left out: the time was up"
UNNAMED = "left out: names no function"
# In the list of what is left out, which holds functions too.
_LOST = {
    NOT_COLLECTED: "a test file that pytest cannot collect",
    OUT_OF_TIME: "a test file that does not end in its time",
    DIED: "a test file that ends its process",
    TIME_UP: "a test file that was left out as the time for all was up",
}
_ENDED = frozenset({RUN, NO_TESTS})


def lost(fates: Mapping[str, str]) -> dict[str, str]:
    """Why nothing could be learned from a test file, for those of which that is true.

    Args:
        fates: Path -> one of the words above, or why it cannot be read.
    """
    fine = {RUN, IN_PART, NO_TESTS, UNNAMED}
    return {path: _LOST.get(fate, fate) for path, fate in fates.items() if fate not in fine}


def unpaired(fates: Collection[str]) -> str:
    """Why a function without an example has no test.

    Args:
        fates: Of the test files that name it.
    """
    if not fates:
        return "no test names it and no example shows it"
    if _ENDED.isdisjoint(fates):
        return "no test file that names it ran to its end, and no example shows it"
    return "no test that names it passes and runs its body, and no example shows it"
