"""How the search came to its front, read from the study: curves by rung, which settings mattered, the front's growth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

from harness.config.sweep_config import SweepConfig
from harness.core.front_volume import growth
from harness.core.rungs import Rungs, RungScore
from harness.study.history import Past, PastState
from harness.study.importances import importances
from harness.study.ledger import Ledger, Told
from harness.study.sampling import distributions
from harness.sweep.segments import label_of
from harness.sweep.summary import Results
from harness.tracking.metrics import RUNG_PREFIX
from harness.tracking.search import Fate, LearningCurve, RungMark, SearchRecord, VolumeMark

_OPEN = (PastState.PAUSED, PastState.RUNNING)


def search_record(ledger: Ledger, config: SweepConfig, results: Results) -> SearchRecord:
    """What a study leaves beside its front.

    Args:
        ledger: The study.
        config: Its sweep file.
        results: The study read back.
    """
    history = ledger.history()
    axes = distributions(config.space)
    known = importances(history, axes, results.objectives)
    logs = frozenset(name for name, axis in axes.items() if getattr(axis, "log", False))
    rungs = config.halving.schedule()
    return SearchRecord(_curves(ledger, rungs, history, results) if rungs.last else (), known, _marks(results), logs)


def volumes(results: Results) -> list[tuple[int, Told, float]]:
    """How the front grew: place among the trials that ended, completed trial, hypervolume with it; in order of completion."""
    ended = enumerate(_ended(results), 1)
    whole = [(place, told) for place, told in ended if told.values is not None]
    found = growth([told.values or () for _, told in whole], results.objectives)
    return [(place, told, volume) for (place, told), volume in zip(whole, found, strict=True)]


def _ended(results: Results) -> list[Told]:
    return sorted((told for told in results.trials if told.ended_at is not None), key=lambda told: told.ended_at or 0.0)


def _marks(results: Results) -> tuple[VolumeMark, ...]:
    began = min(((told.ended_at or 0.0) - told.duration_s for told in _ended(results)), default=0.0)
    return tuple(
        VolumeMark(label_of(told.number), place, max(0.0, (told.ended_at or 0.0) - began), volume)
        for place, told, volume in volumes(results)
    )


def _curves(ledger: Ledger, rungs: Rungs, history: tuple[Past, ...], results: Results) -> tuple[LearningCurve, ...]:
    pasts = {past.number: past for past in history}
    metrics, names = ledger.rung_metrics(), [objective.name for objective in results.objectives]
    curves = []
    for number, scores in groupby(ledger.scores(), key=lambda score: score.trial):
        kept = [(score, metrics[score.trial, score.rung]) for score in scores if score.rung < len(rungs) and score.values]
        if not kept:
            continue  # it reached rungs that are judged by the validation loss alone
        marks = tuple(_mark(rungs, score, known, names) for score, known in kept)
        fate = _fate(pasts[number].state, on_front=number in results.on_front)
        curves.append(LearningCurve(label_of(number), marks, fate, pasts[number].params))
    return tuple(curves)


def _mark(rungs: Rungs, score: RungScore, metrics: Mapping[str, float], names: Sequence[str]) -> RungMark:
    prefix = "" if score.rung == rungs.last else RUNG_PREFIX
    bounds = [(metrics.get(f"{prefix}{name}_low"), metrics.get(f"{prefix}{name}_high")) for name in names]
    intervals = tuple((low, high) if low is not None and high is not None else None for low, high in bounds)
    share = rungs[score.rung]
    return RungMark(share.training, share.validation, score.values, intervals)


def _fate(state: PastState, *, on_front: bool) -> Fate:
    if state in _OPEN:
        return Fate.WAITING
    if state is not PastState.COMPLETE:
        return Fate.CUT
    return Fate.FRONT if on_front else Fate.DOMINATED
