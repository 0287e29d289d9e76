"""How the search came to its front, read from the study: learning curves by rung, and which settings mattered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

from harness.core.rungs import Rungs, RungScore
from harness.study.history import Past, PastState
from harness.study.importances import importances
from harness.study.sampling import distributions
from harness.sweep.segments import label_of
from harness.sweep.summary import Results
from harness.sweep.workplace import Workplace
from harness.tracking.metrics import RUNG_PREFIX
from harness.tracking.search import Fate, LearningCurve, RungMark, SearchRecord

_OPEN = (PastState.PAUSED, PastState.RUNNING)


def search_record(work: Workplace, results: Results) -> SearchRecord:
    """What a study leaves beside its front.

    Args:
        work: The sweep.
        results: The study read back.
    """
    history = work.ledger.history()
    known = importances(history, distributions(work.config.space), results.objectives)
    rungs = work.config.halving.schedule()
    return SearchRecord(_curves(work, rungs, history, results) if rungs.last else (), known)


def _curves(work: Workplace, rungs: Rungs, history: tuple[Past, ...], results: Results) -> tuple[LearningCurve, ...]:
    states = {past.number: past.state for past in history}
    metrics, names = work.ledger.rung_metrics(), [objective.name for objective in results.objectives]
    curves = []
    for number, scores in groupby(work.ledger.scores(), key=lambda score: score.trial):
        kept = [(score, metrics[score.trial, score.rung]) for score in scores if score.rung < len(rungs) and score.values]
        if not kept:
            continue  # it reached rungs that are judged by the validation loss alone
        marks = tuple(_mark(rungs, score, known, names) for score, known in kept)
        curves.append(LearningCurve(label_of(number), marks, _fate(states[number], on_front=number in results.on_front)))
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
