"""Owns which records of the batches a step is trained on: none held out, none twice, not too many."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from harness.core.errors import HarnessError
from harness.data.batches.reading import Entry, ReadBatch, place_of
from harness.data.batches.scan import Batch
from harness.data.sources.rows import SourceOptions

HELD, NEAR_COPY = "held out", "near copy of a held-out function, or its tests"
NO_TESTS, AGAIN, BEYOND = "no oracle tests", "the same record again", "beyond data.limits.train"
"""Why a record is not trained on."""
_CURES = {
    BEYOND: "raise data.limits.train",
    NO_TESTS: "bring functions with oracle_tests: `harness data inspect` says which rows have some",
    AGAIN: "bring functions that are in no batch before",
    NEAR_COPY: "bring functions that are no copies of held-out ones",
    HELD: "bring functions that are not in the hold-out",
}


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which records are trained on.

    Attributes:
        ids: Theirs.
        excluded: Ids of the others, sorted.
        new: How many of `ids` are of the last batch.
        digest: sha256 over the contents that are trained on, hex.
        left_out: Why rows or records are not among them -> how many.
        origin / licence: Of all batches.
    """

    ids: frozenset[str]
    excluded: tuple[str, ...]
    new: int
    digest: str
    left_out: Mapping[str, int]
    origin: str
    licence: str

    def cure(self) -> str:
        """What to do where nothing is left to train on; what is held out is so by intent, so other reasons come first."""
        return next((cure for reason, cure in _CURES.items() if reason in self.left_out), "bring functions")

    @classmethod
    def of(
        cls, read: Sequence[ReadBatch], repeated: Sequence[frozenset[str]], held: Collection[str], limit: int | None
    ) -> Chosen:
        """Choose.

        Args:
            read: The batches, in order.
            repeated: Of every batch the ids that an earlier one holds too.
            held: Ids of the hold-out.
            limit: Most records to train on, or None.
        """
        left_out: Counter[str] = Counter()
        entries: list[Entry] = []
        for part, again in zip(read, repeated, strict=True):
            left_out.update(part.left_out)
            left_out[AGAIN] += len(again)
            entries += [entry for entry in part.entries if entry.id not in again]
        left_out[HELD] = sum(entry.held_out and entry.id in held for entry in entries)
        left_out[NEAR_COPY] = sum(entry.held_out and entry.id not in held for entry in entries)
        left_out[NO_TESTS] = sum(not entry.held_out and not entry.tests for entry in entries)
        open_ones = [entry for entry in entries if not entry.held_out and entry.tests]
        # by content, so that a limit takes from every batch, and a smaller limit a part of what a larger one takes
        kept = {entry.id for entry in sorted(open_ones, key=lambda entry: entry.content)[:limit]}
        left_out[BEYOND] = len(open_ones) - len(kept)
        newest = {entry.id for entry in read[-1].entries} - repeated[-1]
        taught = "".join(f"{entry.id} {entry.content}\n" for entry in open_ones if entry.id in kept)
        return cls(
            ids=frozenset(kept),
            excluded=tuple(sorted(entry.id for entry in entries if entry.id not in kept)),
            new=len(kept & newest),
            digest=hashlib.sha256(taught.encode()).hexdigest(),
            left_out={reason: count for reason, count in sorted(left_out.items()) if count},
            origin=" AND ".join(sorted({origin for part in read for origin in part.origins})),
            licence=" AND ".join(sorted({licence for part in read for licence in part.licences})),
        )


def repeated_ids(read: Sequence[ReadBatch], options: SourceOptions) -> list[frozenset[str]]:
    """Of every batch the ids that an earlier batch has with the same content.

    Raises:
        HarnessError: BAD_INPUT for an id with other content, naming both places.
    """
    known: dict[str, tuple[str, Batch]] = {}
    repeated = []
    for part in read:
        again = set()
        for entry in part.entries:
            content, batch = known.setdefault(entry.id, (entry.content, part.batch))
            if content != entry.content:
                first, second = (place_of(where, entry.id, options) for where in (batch, part.batch))
                raise HarnessError(
                    f"the id {entry.id!r} stands in {batch.name} and in {part.batch.name} with other content",
                    why=f"{second} differs from {first}",
                    fix="give the new record an id of its own; batches that were trained on stay as they are",
                )
            if batch is not part.batch:
                again.add(entry.id)
        repeated.append(frozenset(again))
    return repeated
