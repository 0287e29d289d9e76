"""Owns the training set of a step: all batches up to it, in place or merged, without anything that is held out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from harness.core.errors import HarnessError
from harness.core.records import Record
from harness.data.batches.choosing import Chosen, repeated_ids
from harness.data.batches.holdout import HELD_OUT, against, pinned
from harness.data.batches.reading import ReadBatch, read_batch
from harness.data.batches.scan import Batch
from harness.data.prepared.prepare import PreparedData
from harness.data.sources.rows import SourceOptions
from harness.files.cache import published
from harness.files.record_files import iter_records, write_records

FORMAT = "harness-step/1"
MANIFEST, EXCLUDED, MERGED, EXAMPLES = "manifest.json", "excluded.txt", "train.parquet", "examples.parquet"
_EXAMPLES = 64  # training records that stand in `files["train"]` where the batches are read in place


@dataclass(frozen=True, slots=True)
class StepAsk:
    """What a step is made of.

    Attributes:
        batches: All up to the step, in order.
        holdout: What it is judged by.
        near_duplicates: Jaccard similarity, 0.5-1, from which a function counts as a copy of a held-out one.
        train_limit: Most functions to train on, or None.
        merge: One file of training records, instead of the batches in place.
        options: How batches are read.
    """

    batches: tuple[Batch, ...]
    holdout: PreparedData
    near_duplicates: float
    train_limit: int | None
    merge: bool
    options: SourceOptions


@dataclass(frozen=True, slots=True)
class StepData:
    """A step's data, and what a person should know about it.

    Attributes:
        data: The prepared data; `files["train"]` holds some of the training records where the batches are read in place.
        new: How many of the training functions came with the last batch.
        notes: One line each.
    """

    data: PreparedData
    new: int
    notes: tuple[str, ...]


def prepare_step(ask: StepAsk, root: Path) -> StepData:
    """Read what is new, put the batches together, or find it done.

    Args:
        ask: What the step is made of.
        root: The cache folder.

    Raises:
        HarnessError: BAD_INPUT for a batch that cannot be read or holds nothing to train on, and for an id that stands in two
            batches with other content; STORAGE for the cache.
    """
    held = against(ask.holdout, ask.near_duplicates)
    options = SourceOptions(max_far=ask.options.max_far, max_frr=ask.options.max_frr)
    read = [read_batch(batch, held, options, root) for batch in ask.batches]
    repeated = repeated_ids(read, options)
    held_ids = {record.id for name in HELD_OUT for record in iter_records(ask.holdout.files[name])}
    chosen = Chosen.of(read, repeated, held_ids, ask.train_limit)
    if not chosen.ids:
        why = ", ".join(f"{count} {reason}" for reason, count in chosen.left_out.items())
        raise HarnessError("nothing is left to train on", why=why, fix=chosen.cure())
    asked = [FORMAT, [dict(part.batch.digests) for part in read], held.digest, held.threshold, ask.train_limit, ask.merge]
    asked += [options.max_far, options.max_frr]
    key = hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:20]
    files = [file for part, again in zip(read, repeated, strict=True) for file in _files(part, again, root)]
    folder = published(root, f"steps/{key}", lambda building: _build(building, ask, chosen, files))
    return StepData(_prepared(folder, ask, chosen, files), chosen.new, _notes(read, chosen))


def _files(part: ReadBatch, again: frozenset[str], root: Path) -> tuple[Path, ...]:
    """The batch's files; ids are excluded by name, so one that an earlier batch has too needs a copy without it."""
    if not again:
        return part.files
    asked = [dict(part.batch.digests), sorted(again)]
    key = hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:20]

    def build(folder: Path) -> None:
        write_records(folder / MERGED, (record for record in _records(part.files) if record.id not in again))

    return (published(root, f"batches/{key}", build) / MERGED,)


def _records(files: Sequence[Path]) -> Iterator[Record]:
    for file in files:
        yield from iter_records(file)


def _build(folder: Path, ask: StepAsk, chosen: Chosen, files: Sequence[Path]) -> None:
    trained_on = (record for record in _records(files) if record.id in chosen.ids)
    if ask.merge:
        write_records(folder / MERGED, trained_on)
    else:
        write_records(folder / EXAMPLES, islice(trained_on, _EXAMPLES))
        (folder / EXCLUDED).write_text("".join(f"{name}\n" for name in chosen.excluded), "utf-8")
    (folder / MANIFEST).write_text(json.dumps(_manifest(ask, chosen), indent=1, sort_keys=True), "utf-8")


def _manifest(ask: StepAsk, chosen: Chosen) -> dict[str, Any]:
    held = ask.holdout
    return {
        "format": FORMAT,
        "batches": {batch.name: dict(batch.digests) for batch in ask.batches},
        "merged": ask.merge,
        "holdout": {"digests": dict(pinned(held).digests), "origin": held.origin},
        "near_duplicates": ask.near_duplicates,
        "counts": {"train": len(chosen.ids), **{name: held.counts[name] for name in HELD_OUT}},
        "train_digest": chosen.digest,
        "left_out": dict(chosen.left_out),
        "origin": chosen.origin,
        "licence": chosen.licence,
    }


def _prepared(folder: Path, ask: StepAsk, chosen: Chosen, files: Sequence[Path]) -> PreparedData:
    held = ask.holdout
    train = folder / (MERGED if ask.merge else EXAMPLES)
    return PreparedData(
        folder=folder,
        files={"train": train, **{name: held.files[name] for name in HELD_OUT}},
        train_files=(train,) if ask.merge else tuple(file.absolute() for file in files),
        exclude_file=folder / EXCLUDED if chosen.excluded and not ask.merge else None,
        counts={"train": len(chosen.ids), **{name: held.counts[name] for name in HELD_OUT}},
        digests={"train": chosen.digest, **{name: held.digests[name] for name in HELD_OUT}},
        manifest_digest=hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest(),
        origin=chosen.origin,
        licence=chosen.licence,
        left_out=chosen.left_out,
    )


def _notes(read: Sequence[ReadBatch], chosen: Chosen) -> tuple[str, ...]:
    left_out = ", ".join(f"{count} {reason}" for reason, count in chosen.left_out.items())
    notes = [f"not trained on: {left_out}"] if left_out else []
    for part in read:
        if part.first_problem:
            notes.append(
                f"{part.batch.name}: {part.left_out.get('broken row', 0)} broken rows, the first at {part.first_problem}"
            )
        if not part.in_place:
            notes.append(f"{part.batch.name} is read from a cleaned copy in the cache: its rows cannot all be used as they stand")
    return tuple(notes)
