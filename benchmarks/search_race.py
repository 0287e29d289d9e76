"""How far a search has come: compute spent, and the front of its finished trials."""

from __future__ import annotations

from search_problem import Problem

TARGET = 0.95


class Race:
    """One search of one problem.

    Args:
        problem: What is searched.
        budget: Whole trainings after which it is given up.

    Attributes:
        compute: Spent so far, in whole trainings.
        reached: Compute at which the finished trials covered `TARGET` of the best; None while they do not.
        curve: (compute, share of the best) at every finished trial that moved the front.
        trials: Begun so far.
        complete: Finished so far.
    """

    def __init__(self, problem: Problem, budget: float) -> None:
        self._problem = problem
        self._budget = budget
        self._front: list[tuple[float, ...]] = []
        self.compute = 0.0
        self.reached: float | None = None
        self.curve: list[tuple[float, float]] = []
        self.trials = 0
        self.complete = 0

    @property
    def over(self) -> bool:
        """Whether the target is reached or the budget spent."""
        return self.reached is not None or self.compute >= self._budget

    @property
    def cost(self) -> float:
        """Compute to the target; the budget where it was not reached."""
        return self._budget if self.reached is None else self.reached

    def spend(self, compute: float) -> None:
        """Count training, in whole trainings."""
        self.compute += compute

    def finish(self, values: tuple[float, ...]) -> None:
        """Count a trial that was trained whole."""
        self.complete += 1
        if any(all(b >= a for a, b in zip(values, other, strict=True)) for other in self._front):
            return
        self._front = [p for p in self._front if not all(a >= b for a, b in zip(values, p, strict=True))] + [values]
        share = self._problem.volume(self._front) / self._problem.best
        self.curve.append((self.compute, share))
        if share >= TARGET and self.reached is None:
            self.reached = self.compute
