"""Which mutants are run when there are more than asked for: spread over lines and operators, the same for a seed. Pure."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Sequence

from evaluation.mutation.records import Mutant

VERSION = 1  # raise it when the same mutants, size and seed give another sample


def sample(mutants: Sequence[Mutant], size: int | None, seed: str) -> list[Mutant]:
    """At most `size` mutants, in source order.

    Drawn round by round. A round takes one mutant from every line that has any left, lines in an order shuffled by the seed;
    on a line, the mutant whose operator was taken least often, first on that line, then over all. So `size` at least the
    number of lines leaves no line out, and a sample holds every smaller one of the same seed.

    Args:
        mutants: All of one function's.
        size: None takes all.
        seed: Holds the function's key, so that its sample does not depend on the other functions.

    Raises:
        ValueError: if `size` is negative.
    """
    if size is not None and size < 0:
        raise ValueError(f"the sample's size is {size}; it must be at least 0")
    chosen = range(len(mutants)) if size is None or size >= len(mutants) else _draw(mutants, size, seed)
    return [mutants[index] for index in sorted(chosen, key=lambda index: (mutants[index].line, index))]


def _draw(mutants: Sequence[Mutant], size: int, seed: str) -> list[int]:
    rng = random.Random(seed)  # noqa: S311 - a sample, not a secret
    order = list(range(len(mutants)))
    rng.shuffle(order)
    lines: defaultdict[int, list[int]] = defaultdict(list)
    for index in order:
        lines[mutants[index].line].append(index)
    taken: Counter[tuple[int, str]] = Counter()
    chosen: list[int] = []
    while len(chosen) < size:
        for line in [line for line, left in lines.items() if left][: size - len(chosen)]:
            index = min(lines[line], key=lambda index: _taken(mutants[index], taken))
            lines[line].remove(index)
            chosen.append(index)
            taken.update([(mutants[index].line, mutants[index].operator), (0, mutants[index].operator)])
    return chosen


def _taken(mutant: Mutant, taken: Counter[tuple[int, str]]) -> tuple[int, int]:
    return taken[mutant.line, mutant.operator], taken[0, mutant.operator]
