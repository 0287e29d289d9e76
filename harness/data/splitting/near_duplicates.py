"""Owns which functions are copies of each other: exact clones, and near copies by the Jaccard similarity of their shingles.

Candidates come from MinHash and locality-sensitive hashing, every one is verified exactly, and what is joined is joined
transitively. Nothing here depends on the order of the functions. Pure.

Source: Broder 1997, "On the resemblance and containment of documents" (shingles, MinHash); Indyk & Motwani 1998 (banding);
Baker 1995, "On finding duplication and near-duplication in large software systems" (parameterised tokens).
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from harness.data.splitting.disjoint import Labels
from harness.data.splitting.normal_form import digest_of, normal_forms
from harness.data.splitting.shingles import shingles, text_shingles

if TYPE_CHECKING:
    from datasketch import MinHash

_PERMUTATIONS = 128
_MISS = 1e-3  # at most this share of the pairs at the threshold is never looked at; at 0.7 it is 0.00015
_Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of code that is compared as a whole, by its tokens or by its text.

    Attributes:
        digest: `clone_digest` of it; another one for its text.
        shingles: Ascending uint32.
        signature: Its MinHash, `_PERMUTATIONS` values of uint32.
    """

    digest: str
    shingles: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Sketch:
    """What of a function is needed to compare it with others; about 5 kB, picklable.

    Attributes:
        parts: Tokens and text of the module and, where it holds more than the focal function, of that function alone. Two
            functions are copies if any part of one is a copy of any part of the other.
    """

    parts: tuple[Part, ...]

    @property
    def digest(self) -> str:
        """`clone_digest` of the module."""
        return self.parts[0].digest


def sketch(source: str, entry_point: str = "") -> Sketch:
    """What is compared of a function.

    Args:
        source: The module it stands in.
        entry_point: Its name, or ``Class.method``; without it a copy with other helpers around it may be missed.

    Raises:
        SyntaxError: if `source` is not Python, or too deeply nested to be looked at.
    """
    forms = normal_forms(source, entry_point)
    by_tokens = [_part(digest_of(form), shingles(form)) for form in forms]
    return Sketch((*by_tokens, *(_part(digest_of("text:" + form), text_shingles(form)) for form in forms)))


def clusters(sketches: Sequence[Sketch], threshold: float) -> list[int]:
    """Which functions belong together: near copies, near copies of near copies, and so on.

    Args:
        sketches: One for each function.
        threshold: Jaccard similarity of the shingles, above 0 to 1, from which two are copies; 1 asks for equal normal forms.

    Returns:
        A cluster number for each function; numbered from 0 in order of appearance.
    """
    table = _Table(sketches)
    labels = Labels(table.owner_count)
    for first, others in table.same_digest():
        labels.join(first, others)
    for bucket in table.buckets(threshold) if threshold < 1 else ():
        _join_bucket(table, labels, bucket, threshold)
    return labels.numbered()


def near_copies(sketches: Sequence[Sketch], of: Sequence[Sketch], threshold: float) -> list[int]:
    """Which functions are copies of any function of another set.

    Args:
        sketches: The functions that are looked at.
        of: The set.
        threshold: As in `clusters`.

    Returns:
        Indices into `sketches`, ascending.
    """
    return sorted({index for index, _ in near_pairs(sketches, of, threshold)})


def near_pairs(sketches: Sequence[Sketch], of: Sequence[Sketch], threshold: float) -> list[tuple[int, int]]:
    """Which function is a copy of which of another set.

    Args:
        sketches: The functions that are looked at.
        of: The set.
        threshold: As in `clusters`.

    Returns:
        Pairs of an index into `sketches` and one into `of`, ascending.
    """
    table, border = _Table([*sketches, *of]), len(sketches)
    pairs = {pair for owners in table.owners for pair in _across(owners, owners, border)}
    for bucket in table.buckets(threshold) if threshold < 1 else ():
        pairs.update(_pairs_in(table, bucket, border, threshold))
    return sorted(pairs)


def similarity(one: Sketch, other: Sketch) -> float:
    """The highest Jaccard similarity, 0-1, of any part of one with any part of the other."""
    return max(_jaccard(a, b) for a in one.parts for b in other.parts)


def _jaccard(one: Part, other: Part) -> float:
    a, b = set(np.frombuffer(one.shingles, np.uint32).tolist()), set(np.frombuffer(other.shingles, np.uint32).tolist())
    return len(a & b) / len(a | b)


def _part(digest: str, values: NDArray[np.uint32]) -> Part:
    made = _empty().copy()
    made.update_batch(values)
    return Part(digest, values.tobytes(), made.hashvalues.astype(np.uint32).tobytes())


@functools.cache
def _empty() -> MinHash:
    """Drawing the permutations takes longer than hashing a function with them."""
    from datasketch import MinHash  # only now: scipy comes with it, which takes a second to import

    return MinHash(_PERMUTATIONS, hashfunc=int)


def _rows(threshold: float) -> int:
    """Rows of a band: as many as leave at most `_MISS` of the pairs at the threshold without a common bucket."""
    fitting = [r for r in range(1, 17) if (1 - threshold**r) ** (_PERMUTATIONS // r) <= _MISS]
    return max(fitting, default=1)


class _Table:
    """All distinct parts of some functions, as arrays."""

    def __init__(self, sketches: Sequence[Sketch]) -> None:
        self.owner_count = len(sketches)
        self._owners: dict[str, list[int]] = {}
        parts: dict[str, Part] = {}
        for index, item in enumerate(sketches):
            for part in item.parts:
                parts.setdefault(part.digest, part)
                self._owners.setdefault(part.digest, []).append(index)
        # One row for each digest: thousands of exact copies cost no more than one.
        self.owners = list(self._owners.values())
        self.owner = np.array([owners[0] for owners in self.owners], np.int64)
        sets = [np.frombuffer(part.shingles, np.uint32) for part in parts.values()]
        self.sizes = np.array([len(one) for one in sets], np.int64)
        self._starts = np.concatenate([[0], np.cumsum(self.sizes)])
        _, ids = np.unique(np.concatenate(sets), return_inverse=True) if sets else (None, np.empty(0, np.int64))
        self._ids = ids
        self._marks = np.zeros(int(ids.max(initial=-1)) + 1, np.bool_)
        joined = b"".join(part.signature for part in parts.values())
        self._signatures = np.frombuffer(joined, np.uint32).reshape(len(parts), _PERMUTATIONS)

    def same_digest(self) -> Iterator[tuple[int, list[int]]]:
        """Functions that share a part, as the first and the others."""
        return ((owners[0], owners[1:]) for owners in self.owners if len(owners) > 1)

    def buckets(self, threshold: float) -> Iterator[_Ints]:
        """Rows that may be similar, ascending, at least two together; a pair may come more than once."""
        rows = _rows(threshold)
        for start in range(0, _PERMUTATIONS - rows + 1, rows):
            # The banding is a sort here: datasketch's MinHashLSH keeps a set for each bucket, 10 times the memory and time.
            band = np.ascontiguousarray(self._signatures[:, start : start + rows])
            keys = band.view(np.dtype((np.void, band.itemsize * rows))).ravel()
            _, group, counts = np.unique(keys, return_inverse=True, return_counts=True)
            order = np.argsort(group, kind="stable")
            ends = np.cumsum(counts)
            yield from (order[ends[k] - counts[k] : ends[k]] for k in np.flatnonzero(counts > 1))

    def similarities(self, row: int, others: _Ints) -> NDArray[np.float64]:
        """Jaccard similarity of one row with others, exact."""
        mine = self._ids[self._starts[row] : self._starts[row + 1]]
        self._marks[mine] = True
        sizes = self.sizes[others]
        ends = np.cumsum(sizes)
        theirs = np.repeat(self._starts[others] - ends + sizes, sizes) + np.arange(ends[-1])
        common = np.add.reduceat(self._marks[self._ids[theirs]].astype(np.int64), ends - sizes)
        self._marks[mine] = False
        found: NDArray[np.float64] = common / (self.sizes[row] + sizes - common)
        return found


def _join_bucket(table: _Table, labels: Labels, bucket: _Ints, threshold: float) -> None:
    """Join what is similar in a bucket; pairs that are together already are not looked at again."""
    owner = table.owner[bucket]
    for k in range(len(bucket) - 1):
        of = labels.of[owner[k + 1 :]]
        apart = np.flatnonzero(of != labels.of[owner[k]])
        if not len(apart):
            if (of == of[0]).all():
                return  # one set, and so is the rest: the usual end of a bucket of many near copies
            continue
        others = bucket[k + 1 :][apart]
        near = others[table.similarities(int(bucket[k]), others) >= threshold]
        labels.join(int(owner[k]), table.owner[near].tolist())


def _across(owners: Sequence[int], others: Sequence[int], border: int) -> Iterator[tuple[int, int]]:
    """Pairs of a function below `border` and one at or above it; the second is counted from there."""
    known = [other - border for other in others if other >= border]
    return ((owner, other) for owner in owners if owner < border for other in known)


def _pairs_in(table: _Table, bucket: _Ints, border: int, threshold: float) -> Iterator[tuple[int, int]]:
    """Near copies over the border among the rows of a bucket."""
    known = [row for row in bucket.tolist() if table.owners[row][-1] >= border]
    looked_at = np.array([row for row in bucket.tolist() if table.owners[row][0] < border], np.int64)
    for row in known if len(looked_at) else ():
        for near in looked_at[table.similarities(row, looked_at) >= threshold].tolist():
            yield from _across(table.owners[near], table.owners[row], border)
