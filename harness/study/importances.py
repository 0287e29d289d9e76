"""Which parameter made the difference, for each objective.

Owns the estimate. It is written anew because Optuna's own brings in scikit-learn, scipy and pandas, for seconds and 200 MB of a
process that needs none of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution

from harness.core.pareto import Objective
from harness.study.history import Past
from harness.study.places import holds, place_of
from harness.study.rung_model import Lesson, lessons

FEWEST_TRIALS = 10
"""Below, the best part holds too few settings to have a shape."""
_BEST_SHARE = 0.4
"""Optuna takes a tenth, for studies of hundreds of trials. On 25 drawn studies of 20 trials with two known answers each, a tenth
(but at least 5) named the right parameter first 36 times of 50, two fifths 47 times; of 40 trials, 34 and 50 times."""
_CELLS = 50
_Vector = np.ndarray[tuple[int], np.dtype[np.float64]]


def importances(
    history: Sequence[Past], space: Mapping[str, BaseDistribution], objectives: Sequence[Objective]
) -> dict[str, dict[str, float]]:
    """How much each parameter decides whether a trial is among the best of an objective.

    The divergence between where the best two fifths of the trials lie along an axis and where all of them lie. Trials that were
    never finished count with what their rung scores let expect.

    Args:
        history: Every trial there is.
        space: Searched parameter -> its distribution.
        objectives: Name and direction of each objective, in the order of the values.

    Returns:
        Objective -> parameter -> share of the total (0-1, summing to 1), highest first; an objective is absent where fewer
        than 10 trials have a value or no parameter makes a difference.

    Source: Watanabe, Bansal, Hutter (2023), "PED-ANOVA: Efficiently Quantifying Hyperparameter Importance in Arbitrary
    Subspaces", arXiv 2304.10255, and Optuna 5's PedAnovaImportanceEvaluator.
    """
    directions = [objective.direction for objective in objectives]
    told = [lesson for lesson in lessons(history, directions) if lesson.values is not None and lesson.feasible]
    if len(told) < FEWEST_TRIALS:
        return {}
    found = {}
    for index, objective in enumerate(objectives):
        shares = _shares(_best_first(told, index, objective), space)
        if shares:
            found[objective.name] = shares
    return found


def _best_first(told: Sequence[Lesson], index: int, objective: Objective) -> list[Mapping[str, Any]]:
    sign = -1.0 if objective.direction == "maximize" else 1.0
    return [lesson.params for lesson in sorted(told, key=lambda lesson: sign * lesson.values[index] if lesson.values else 0.0)]


def _shares(best_first: Sequence[Mapping[str, Any]], space: Mapping[str, BaseDistribution]) -> dict[str, float]:
    best = math.ceil(_BEST_SHARE * len(best_first))
    raw = {name: _divergence(best_first, best, name, axis) for name, axis in space.items() if not axis.single()}
    total = sum(raw.values())
    if total <= 0:
        return {}
    return {name: value / total for name, value in sorted(raw.items(), key=lambda item: -item[1])}


def _divergence(best_first: Sequence[Mapping[str, Any]], best: int, name: str, axis: BaseDistribution) -> float:
    """Pearson's divergence between the densities of the best and of all along one axis, on a grid."""
    at = [(rank, params[name]) for rank, params in enumerate(best_first) if name in params and holds(axis, params[name])]
    top = [value for rank, value in at if rank < best]
    if not top:
        return 0.0
    above, everywhere = (_density(values, axis) + 1e-12 for values in (top, [value for _, value in at]))
    return float(everywhere @ (above / everywhere - 1) ** 2)


def _density(values: Sequence[Any], axis: BaseDistribution) -> _Vector:
    """Probability of each cell of a grid: kernels on the values, and one over the whole axis as a prior."""
    if isinstance(axis, CategoricalDistribution):
        count = len(axis.choices)
        counts = np.bincount([axis.choices.index(value) for value in values], minlength=count).astype(float)
        weights: _Vector = (counts + 1.0 / count) / (len(values) + 1)
        return weights
    places = np.array([place_of(axis, value) for value in values])
    centres = (np.arange(_CELLS) + 0.5) / _CELLS
    quartiles = np.quantile(places, (0.25, 0.75))
    spread = min(float(places.std(ddof=1)) if len(places) > 1 else 0.0, float(quartiles[1] - quartiles[0]) / 1.34)
    width = max(1.059 * spread * len(places) ** -0.2, 0.5 / 1.64 / _CELLS)  # Scott's rule, at least a cell
    kernels = np.vstack([_kernel(centres, place, width) for place in places] + [_kernel(centres, 0.5, 1.0)])
    density: _Vector = kernels.mean(axis=0)
    return density


def _kernel(centres: _Vector, place: float, width: float) -> _Vector:
    weights = np.exp(-(((centres - place) / width) ** 2) / 2)
    kernel: _Vector = weights / weights.sum()
    return kernel
