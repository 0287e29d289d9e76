"""Asynchronous successive halving for several objectives: who stands where at a rung, who goes on, who is cut. Pure.

Owns the order within a rung, the quota and the next promotion. A rung's shares and scores are `harness.core.rungs`', what is
clearly worse is `harness.core.worse`'s, the rung that a trial starts at `harness.core.brackets`'; telling, starting and
stopping are the sweep's.

Source: Li et al. (2020), "A system for massively parallel hyperparameter tuning" (ASHA); Schmucker et al. (2021),
"Multi-objective asynchronous successive halving" (MO-ASHA). Theirs stop whatever stands outside the quota; here only what the
scores can tell apart from the quota is cut, the rest waits and goes on when nothing new is left to try.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field

from harness.core.contributions import VOLUME_AXES, crowding_distances, exclusive_volumes
from harness.core.fronts import front_ranks
from harness.core.pareto import Direction, Point, oriented
from harness.core.rungs import RungScore
from harness.core.worse import Field

REFERENCE_MARGIN = 0.1
"""The reference lies this share of each axis' extent below the rung's worst: the best of one axis stays worth something where it
is the worst of another."""


@dataclass(frozen=True, slots=True)
class Halving:
    """How hard a rung selects.

    Attributes:
        reduction_factor: One in so many goes on; above 1.
        confidence: Of the one-sided test behind "clearly worse", 0.5 <= confidence < 1. It holds for a pair. Simulated with 27
            trials of 12 binary functions (benchmarks/halving_confidence.py): of the third that is best in truth 0.8 cuts one
            in five, 0.95 one in twenty-five, 0.99 one in a hundred; of all trials 62 %, 39 % and 18 %.

    Raises:
        ValueError: if a value is out of range.
    """

    reduction_factor: float = 3.0
    confidence: float = 0.95

    def __post_init__(self) -> None:
        if not self.reduction_factor > 1:
            raise ValueError(f"a reduction factor has to be above 1, found {self.reduction_factor}")
        if not 0.5 <= self.confidence < 1:
            raise ValueError(f"a confidence has to be at least 0.5 and below 1, found {self.confidence}")


@dataclass(frozen=True, slots=True)
class Standing:
    """The order at one rung, of all trials that ever reached it: those that went on or were cut since count on.

    Attributes:
        ranked: Trial numbers, best first; twins last.
        quota: How many of them may go on.
        clearly_worse: Those outside the quota that two trials inside it dominate, and by more than chance.
        twins: Trial -> the first one with the same result, see `twins`.
        hopeful: How many of the ranked may go on at all; None for as many as there are. At the lowest rung, where it is judged by
            the validation loss alone, it is the better half: no test says who is clearly worse there.
    """

    ranked: tuple[int, ...] = ()
    quota: int = 0
    clearly_worse: frozenset[int] = frozenset()
    twins: Mapping[int, int] = field(default_factory=dict)
    hopeful: int | None = None

    @property
    def promotable(self) -> tuple[int, ...]:
        """Trials inside the quota, best first."""
        return self.ranked[: self.quota]

    @property
    def doubtful(self) -> tuple[int, ...]:
        """Trials outside the quota that are not clearly worse, best first."""
        outside = self.ranked[self.quota : self.hopeful]
        return tuple(trial for trial in outside if trial not in self.clearly_worse and trial not in self.twins)

    def rung_constraint(self, trial: int) -> float:
        """How far a trial stands from the last place of the quota, as a share of the rung, in [-1, 1].

        Returns:
            Positive when it is clearly worse or a twin, else at most 0: 0 for one that is in doubt.

        Raises:
            ValueError: if the trial has no score at this rung.
        """
        behind = (self.ranked.index(trial) + 1 - self.quota) / len(self.ranked)
        return behind if trial in self.clearly_worse or trial in self.twins else min(behind, 0.0)


def standing(
    scores: Sequence[RungScore], directions: Sequence[Direction], rule: Halving, drift: Sequence[float] = ()
) -> Standing:
    """Order the trials of one rung and tell which of them are clearly worse.

    Ranked by non-dominated rank, in which the validation loss counts as one more objective: it is taken over many more tokens
    than a few suites have, and says more of the full training than their scores do (docs/search.md has the figures). Within a
    rank by the volume that the scores of a trial alone add to it (axes scaled by the rung; of equal scores those with the lower
    loss add it; with more than three objectives by crowding distance); then by validation loss; then by trial number.
    At a rung that is judged by the validation loss alone, none is clearly worse; at the lowest one the worse half never goes on.
    The quota is ``floor(n / reduction_factor)`` of those that are no twins. Who outside it is clearly worse says
    `harness.core.worse`.

    Args:
        scores: Every score at the rung, in any order; the result does not depend on it.
        directions: Shape ``(n_objectives,)``.
        rule: How hard to select.
        drift: See `harness.core.worse.drift`, per objective; none counts as 0: what is worse now will be worse at the top.

    Raises:
        ValueError: if two scores are of one trial or of two rungs, or values are ragged or not finite.
    """
    if len({score.trial for score in scores}) < len(scores) or len({score.rung for score in scores}) > 1:
        raise ValueError("a standing takes one score of each trial, all at one rung")
    known = twins(scores)
    ordered = sorted((score for score in scores if score.trial not in known), key=lambda score: score.trial)
    quota = math.floor(len(ordered) / rule.reduction_factor + 1e-9)
    if not any(score.values for score in ordered):
        ranked = (*(score.trial for score in sorted(ordered, key=_loss)), *known)
        lowest = any(score.rung == 0 for score in ordered)
        return Standing(ranked, quota, twins=known, hopeful=max(quota, math.ceil(len(ordered) / 2)) if lowest else None)
    points, losses = oriented([score.values for score in ordered], directions), [_loss(score) for score in ordered]
    judged = _with_loss(points, losses)
    ranks = front_ranks(judged)
    best_first = _best_first(points, ranks, losses)
    rest = [i for i in best_first[quota:] if ranks[i]]
    worse = Field(ordered, judged, directions, rule.confidence, drift).clearly_worse(best_first[:quota], rest)
    ranked = (*(ordered[i].trial for i in best_first), *known)
    return Standing(ranked, quota, frozenset(ordered[i].trial for i in worse), known)


def twins(scores: Iterable[RungScore]) -> dict[int, int]:
    """Trials that came to what an earlier one came to, to the last bit of the validation loss: trial -> the first of them.

    Training is deterministic, so settings that are the same, or mean the same, end the same, and the second training would
    tell nothing. Without a validation loss nothing is a twin: all trials that pass no test look alike.

    Args:
        scores: All at one rung, in any order.
    """
    first: dict[tuple[object, ...], int] = {}
    found: dict[int, int] = {}
    for score in sorted(scores, key=lambda score: score.trial):
        if score.eval_loss is not None and math.isfinite(score.eval_loss):
            origin = first.setdefault((score.eval_loss, score.values, score.per_function), score.trial)
            if origin != score.trial:
                found[score.trial] = origin
    return found


def _loss(score: RungScore) -> float:
    """To order by: what was not measured comes last."""
    return math.inf if score.eval_loss is None or math.isnan(score.eval_loss) else score.eval_loss


def promotion(standings: Sequence[Standing | None], paused: Sequence[Set[int]], *, exhausted: bool) -> tuple[int, int] | None:
    """The next trial to go on, and the index of the rung that it is paused at.

    The best paused trial inside a quota, from the highest rung down. With `exhausted` and none of those anywhere, the best
    paused one that is in doubt, again from the highest rung down.

    Args:
        standings: By rung, without the full one; None where nothing reached the rung yet.
        paused: Trials that wait at each of these rungs.
        exhausted: No new trial is left to try, so that room would stay empty.

    Raises:
        ValueError: if the lengths differ.
    """
    rungs = [(rung, s, p) for rung, (s, p) in enumerate(zip(standings, paused, strict=True)) if s and p][::-1]
    groups = [(rung, s.promotable, p) for rung, s, p in rungs]
    if exhausted:
        groups += [(rung, s.doubtful, p) for rung, s, p in rungs]
    return next(((trial, rung) for rung, trials, waiting in groups for trial in trials if trial in waiting), None)


def cuts(standing: Standing, paused: Set[int]) -> tuple[int, ...]:
    """The paused trials of a rung that need not wait: clearly worse ones and twins, best first."""
    ended = (standing.clearly_worse | standing.twins.keys()) & paused
    return tuple(trial for trial in standing.ranked if trial in ended) if ended else ()


def _with_loss(points: Sequence[Point], losses: Sequence[float]) -> list[Point]:
    """Points with the loss as one more axis, more is better; what is not known counts as the worst that is.

    As they are where no loss tells them apart: a fourth axis costs the fast way to rank them.
    """
    worst = max((loss for loss in losses if math.isfinite(loss)), default=0.0)
    axis = [-min(loss, worst) for loss in losses]
    return [(*point, value) for point, value in zip(points, axis, strict=True)] if len(set(axis)) > 1 else list(points)


def _best_first(points: Sequence[Point], ranks: Sequence[int], losses: Sequence[float]) -> list[int]:
    """Indices of the points in order of rank, then of what they add to it, then of the loss, then of the index.

    Args:
        points: Scores, more is better.
        ranks: Of the points with their losses. Within one, scores that others there dominate add nothing.
        losses: To tell equal ones apart.
    """
    by_loss = sorted(range(len(points)), key=lambda i: (losses[i], i))
    first = {(ranks[i], points[i]): i for i in reversed(by_loss)}
    scaled = _scaled(points)
    added = [0.0] * len(points)
    fronts: dict[int, list[int]] = {}
    for (rank, _), i in sorted(first.items()):  # one order whatever the order of the scores
        fronts.setdefault(rank, []).append(i)
    for ranked in fronts.values():
        members = [i for i, rank in zip(ranked, front_ranks([points[i] for i in ranked]), strict=True) if not rank]
        for i, worth in zip(members, _worth([scaled[i] for i in members]), strict=True):
            added[i] = round(worth, 12)
    return sorted(range(len(points)), key=lambda i: (ranks[i], -added[i], losses[i], i))


def _worth(front: Sequence[Point]) -> list[float]:
    if front and len(front[0]) > VOLUME_AXES:
        return crowding_distances(front)
    return exclusive_volumes(front, (-REFERENCE_MARGIN,) * len(front[0]))


def _scaled(points: Sequence[Point]) -> list[Point]:
    """Every axis from 0, its worst, to 1, its best; 0 where all are equal."""
    lows = [min(column) for column in zip(*points, strict=True)]
    extents = [(max(column) - low) or 1.0 for column, low in zip(zip(*points, strict=True), lows, strict=True)]
    return [tuple((v - low) / extent for v, low, extent in zip(point, lows, extents, strict=True)) for point in points]
