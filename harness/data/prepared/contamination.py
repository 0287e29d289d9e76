"""Owns the check against benchmarks: which records hold a function, a near copy of one, or the tests of one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.core.records import Record
from harness.data.prepared.looking import Looked
from harness.data.splitting.near_duplicates import Sketch, near_pairs

EXACT, NEAR, ORACLE = "exact clone", "near copy", "shared tests"
_SHARED = 0.5  # of the benchmark function's asserts
_AT_LEAST = 2  # asserts


@dataclass(frozen=True, slots=True)
class Benchmark:
    """Functions that nothing should be trained on.

    Attributes:
        name: Of the source, without folders.
        origin: As in `Source`.
        digest: As in `Source`.
        is_source: The data come from this very benchmark, so that it is in them by intent.
        ids / sketches / marks: Of its functions.
        unchecked: Why it could not be opened; empty where it could.
    """

    name: str
    origin: str = ""
    digest: str = ""
    is_source: bool = False
    ids: tuple[str, ...] = ()
    sketches: tuple[Sketch, ...] = ()
    marks: tuple[frozenset[int], ...] = ()
    unchecked: str = ""


@dataclass(frozen=True, slots=True)
class Hit:
    """A record that a benchmark holds too.

    Attributes:
        number: Of the record among those checked.
        of: Id of the benchmark's function.
        how: EXACT, NEAR or ORACLE.
    """

    number: int
    of: str
    how: str


def benchmark_of(like: Benchmark, rows: Iterable[Looked]) -> Benchmark:
    """The benchmark with its functions.

    Args:
        like: All but the functions.
        rows: What `looked_at` takes down of its source.
    """
    ids: list[str] = []
    sketches: list[Sketch] = []
    marks: list[frozenset[int]] = []
    for row in rows:
        if isinstance(row.item, Record) and row.sketch is not None:
            ids.append(row.item.id)
            sketches.append(row.sketch)
            marks.append(row.marks)
    return replace(like, ids=tuple(ids), sketches=tuple(sketches), marks=tuple(marks))


def contaminated(
    sketches: Sequence[Sketch], marks: Sequence[frozenset[int]], benchmark: Benchmark, threshold: float
) -> list[Hit]:
    """Records that a benchmark holds too: each once, by the strongest of the three signs.

    Tests count as shared when at least two of the benchmark's asserts, and half of all it has, stand in the record's oracle.

    Args:
        sketches: Of the records.
        marks: Of the records' oracles, `looking.assert_marks`.
        benchmark: What they are checked against.
        threshold: Jaccard similarity from which a function is a near copy.
    """
    found: dict[int, Hit] = {}
    for hit in (*_by_function(sketches, benchmark, threshold), *_by_tests(marks, benchmark)):
        earlier = found.get(hit.number)
        if earlier is None or (earlier.how == NEAR and hit.how == EXACT):
            found[hit.number] = hit
    return [found[number] for number in sorted(found)]


def _by_function(sketches: Sequence[Sketch], benchmark: Benchmark, threshold: float) -> Iterator[Hit]:
    for number, other in near_pairs(sketches, benchmark.sketches, threshold):
        theirs = {part.digest for part in benchmark.sketches[other].parts}
        exact = any(part.digest in theirs for part in sketches[number].parts)
        yield Hit(number, benchmark.ids[other], EXACT if exact else NEAR)


def _by_tests(marks: Sequence[frozenset[int]], benchmark: Benchmark) -> Iterator[Hit]:
    having: dict[int, list[int]] = {}
    for other, theirs in enumerate(benchmark.marks):
        for mark in theirs:
            having.setdefault(mark, []).append(other)
    for number, mine in enumerate(marks):
        shared: dict[int, int] = {}
        for mark in mine:
            for other in having.get(mark, ()):
                shared[other] = shared.get(other, 0) + 1
        for other in sorted(shared):
            if shared[other] >= max(_AT_LEAST, _SHARED * len(benchmark.marks[other])):
                yield Hit(number, benchmark.ids[other], ORACLE)


def in_manifest(benchmark: Benchmark, hits: Mapping[str, Sequence[tuple[str, Hit]]], dropped: int) -> dict[str, object]:
    """What the manifest says of one benchmark.

    Args:
        benchmark: It.
        hits: Split name -> id of the record, and what was found.
        dropped: Training records that were left out for it.
    """
    if benchmark.unchecked:
        return {"benchmark": benchmark.name, "unchecked": benchmark.unchecked}
    return {
        "benchmark": benchmark.name,
        "origin": benchmark.origin,
        "digest": benchmark.digest,
        "functions": len(benchmark.ids),
        "is_source": benchmark.is_source,
        "dropped": dropped,
        "counts": {split: _counts(rows) for split, rows in hits.items()},
        "records": {split: {name: [hit.of, hit.how] for name, hit in rows} for split, rows in hits.items()},
    }


def _counts(rows: Sequence[tuple[str, Hit]]) -> dict[str, int]:
    return {how: sum(hit.how == how for _, hit in rows) for how in (EXACT, NEAR, ORACLE)}
