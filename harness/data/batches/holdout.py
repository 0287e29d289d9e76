"""Owns the hold-out of incremental training: the validation, selection and test functions that every step is judged by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from harness.core.errors import ExitCode, HarnessError
from harness.core.steps import Pinned
from harness.data.batches.likeness import Likeness
from harness.data.batches.reading import Against, sources_of
from harness.data.batches.scan import Batch
from harness.data.prepared.prepare import PrepareAsk, PreparedData, prepare_splits
from harness.files.record_files import iter_records

HELD_OUT = ("validation", "selection", "test")


@dataclass(frozen=True, slots=True)
class HoldoutAsk:
    """Where the hold-out comes from.

    Attributes:
        sources: Names of sources; empty takes it out of the first batch.
        first: The first batch.
        prepare: How it is read and split; its `sources` are not looked at.
    """

    sources: tuple[str, ...]
    first: Batch
    prepare: PrepareAsk


def prepare_holdout(ask: HoldoutAsk, root: Path) -> PreparedData:
    """The hold-out on disk; of a source of its own nothing is left for training, so the other shares fill up the whole.

    Raises:
        HarnessError: as `prepare_splits`; and when there is no validation or no test function in it.
    """
    sources = ask.sources or sources_of(ask.first)
    shares = ask.prepare.shares if not ask.sources else _without_training(ask.prepare.shares)
    limits = {**ask.prepare.limits, "train": None}  # of all batches together, not of this source
    data = prepare_splits(replace(ask.prepare, sources=sources, shares=shares, limits=limits), root)
    for name in ("validation", "test"):
        if not data.counts.get(name):
            why = f"{', '.join(sources)} gave {dict(data.counts)}"
            raise HarnessError(f"the hold-out has no {name} functions", why=why, fix="name more records in data.holdout")
    return data


def pinned(data: PreparedData) -> Pinned:
    """What is remembered of a hold-out."""
    return Pinned({name: data.digests[name] for name in HELD_OUT}, {name: data.counts[name] for name in HELD_OUT}, data.origin)


def require_same(before: Pinned, data: PreparedData, cure: str) -> None:
    """Hold the hold-out against what was pinned.

    Args:
        before: As it was when it was first used.
        data: As it is now.
        cure: How to start anew, for the message.

    Raises:
        HarnessError: CONFLICT, naming the splits that changed.
    """
    now = pinned(data)
    if now.digest == before.digest:
        return
    changed = [name for name in HELD_OUT if now.digests[name] != before.digests.get(name)]
    parts = [f"{name} ({before.counts.get(name, 0)} functions before, {now.counts[name]} now)" for name in changed]
    moved = f"; it came from {before.origin}, now from {now.origin}" if now.origin != before.origin else ""
    raise HarnessError(
        "the hold-out has changed: the scores of the steps could not be compared",
        why=f"other functions in {', '.join(parts)}{moved}",
        fix=f"restore data.holdout, splits, limits, seed and near_duplicates as they were, or {cure}",
        code=ExitCode.CONFLICT,
    )


def against(data: PreparedData, threshold: float) -> Against:
    """The hold-out as batches are held against it."""

    def known() -> Likeness:
        return Likeness.of(record for name in HELD_OUT for record in iter_records(data.files[name]))

    return Against(known, pinned(data).digest, threshold)


def _without_training(shares: Mapping[str, float]) -> dict[str, float]:
    total = sum(shares.get(name, 0.0) for name in HELD_OUT)
    if total <= 0:
        why = "data.splits gives everything to train"
        raise HarnessError("nothing would be held out", why=why, fix="give validation, selection and test a share in data.splits")
    return {"train": 0.0, **{name: shares.get(name, 0.0) / total for name in HELD_OUT}}
