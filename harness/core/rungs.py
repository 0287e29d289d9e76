"""Rungs of successive halving: how much of its training and of the validation functions a trial has been given. Values.

Owns the shares and what they come to in steps and functions. Who is promoted is `harness.core.halving`'s.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256


@dataclass(frozen=True, slots=True)
class Rung:
    """One rung.

    Attributes:
        training: Share of the optimizer steps done when it is reached, in (0, 1].
        validation: Share of the validation functions it is judged by, in [0, 1]; with 0 no suites are written and the
            validation loss alone is looked at, which costs a fraction.
    """

    training: float
    validation: float

    @property
    def by_loss(self) -> bool:
        """Whether the validation loss alone is looked at."""
        return self.validation == 0


FULL = Rung(1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Rungs:
    """All rungs of a sweep, lowest first; the last one is `FULL`.

    Raises:
        ValueError: if the shares are out of range, training does not rise, or validation falls.
    """

    lower: tuple[Rung, ...] = ()

    def __post_init__(self) -> None:
        for rung in self.lower:
            if not (0 < rung.training < 1 and 0 <= rung.validation <= 1):
                raise ValueError(f"a rung needs 0 < training < 1 and 0 <= validation <= 1, found {rung}")
        for before, after in zip(self.lower, self.lower[1:], strict=False):
            if after.training <= before.training or after.validation < before.validation:
                raise ValueError(f"rungs have to rise: {before} stands before {after}")

    def __len__(self) -> int:
        return len(self.lower) + 1

    def __iter__(self) -> Iterator[Rung]:
        return iter((*self.lower, FULL))

    def __getitem__(self, rung: int) -> Rung:
        return (*self.lower, FULL)[rung]

    @property
    def last(self) -> int:
        """Index of the full rung."""
        return len(self.lower)

    def steps(self, rung: int, total: int) -> int:
        """Optimizer steps done when a rung is reached: rounded up, at least 1.

        Args:
            rung: Its index.
            total: Steps of the whole training.
        """
        return steps_at(self[rung].training, total)

    def functions(self, rung: int, count: int) -> int:
        """How many of `count` validation functions a rung is judged by, see `functions_at`."""
        return functions_at(self[rung], count)


def functions_at(rung: Rung, count: int) -> int:
    """How many of `count` validation functions a rung is judged by: rounded up, at least 1; none by its loss alone."""
    return 0 if rung.by_loss else min(count, max(1, math.ceil(rung.validation * count - 1e-9)))


def steps_at(share: float, total: int) -> int:
    """Optimizer steps that a share of a training comes to: rounded up, between 1 and `total`."""
    return min(total, max(1, math.ceil(share * total - 1e-9)))


@dataclass(frozen=True, slots=True)
class RungScore:
    """What a trial was worth at a rung.

    Attributes:
        trial: Its number.
        rung: Index of the rung.
        values: Objective values, in the order of the objectives and in their own units and directions; empty at a rung that
            is judged by the validation loss alone.
        per_function: The same per validation function, in the rung's order of functions; shape
            ``(n_functions, n_objectives)``; None for an objective that is not measured per function (a loss, a latency).
            Empty where nothing is known per function.
        eval_loss: Validation loss in nats a token, or None.
    """

    trial: int
    rung: int
    values: tuple[float, ...]
    per_function: tuple[tuple[float | None, ...], ...] = ()
    eval_loss: float | None = None


def nested_order(ids: Sequence[str], digest: str) -> list[int]:
    """Indices of `ids` in an order that depends on each id alone, so that a prefix stays a prefix when functions are added.

    Args:
        ids: Function ids.
        digest: Salt; the same for the whole study.
    """
    return sorted(range(len(ids)), key=lambda i: (sha256(f"{digest} {ids[i]}".encode()).digest(), ids[i]))
