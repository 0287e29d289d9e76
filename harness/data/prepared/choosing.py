"""Owns which records are kept, and the split each of them goes to, before any suite is run. Reads no file but the benchmarks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evaluation.score import default_workers
from harness.core.errors import HarnessError
from harness.data.prepared.ask import PrepareAsk
from harness.data.prepared.contamination import Benchmark, Hit, benchmark_of, contaminated
from harness.data.prepared.gather import Gathered, without_duplicates
from harness.data.prepared.looking import looked_at
from harness.data.prepared.opening import Opened
from harness.data.splitting.near_duplicates import clusters
from harness.data.splitting.shared_tests import Tests, with_shared_tests
from harness.data.splitting.splits import SPLITS, assign, require_limits

_SEEDS_TRIED = 50


@dataclass(frozen=True, slots=True)
class Found:
    """What one benchmark has in common with the records.

    Attributes:
        benchmark: It.
        hits: Number of a record -> what was found.
        dropped: Training records that were left out for it.
    """

    benchmark: Benchmark
    hits: Mapping[int, Hit]
    dropped: int = 0

    def by_split(self, ids: Sequence[str], written: Mapping[str, Sequence[str]]) -> dict[str, list[tuple[str, Hit]]]:
        """Split name -> id and finding of each record that was written."""
        named = {ids[number]: hit for number, hit in self.hits.items()}
        return {name: [(one, named[one]) for one in written[name] if one in named] for name in SPLITS}


@dataclass(frozen=True, slots=True)
class Chosen:
    """Numbers of records.

    Attributes:
        parts: Split name -> its records, in order.
        kept: The splits are those of a prepared folder.
        clusters: How many clusters, how many of more than one function, functions in those, the largest, and how many
            lie in more than one split.
        contamination: What the benchmarks have in common with them.
    """

    parts: dict[str, list[int]]
    kept: bool
    clusters: dict[str, int]
    contamination: tuple[Found, ...]


def choose(gathered: Gathered, opened: Opened) -> Chosen:
    """Drop what is there twice, cluster, and split.

    Raises:
        HarnessError: for wrong shares or limits, a split that nothing falls into, and as the benchmarks' sources.
    """
    ask = opened.ask
    require_limits(ask.limits)
    numbers = _with_oracle(gathered, list(range(len(gathered.ids)))) if ask.need_oracle else list(range(len(gathered.ids)))
    numbers = without_duplicates(gathered, numbers)
    named = gathered.named
    cluster = _alike(gathered, numbers, ask)
    mine = [named[number] for number in numbers]
    placed = assign(mine, cluster, ask.shares, ask.options.seed)
    for name in SPLITS:
        if ask.wants(name) and not placed[name]:
            raise empty_split(name, len(mine), gathered.left_out.counts, ask, _filling_seed(mine, cluster, ask))
    parts = {name: [numbers[place] for place in part] for name, part in placed.items()}
    return _checked(gathered, opened, parts, dict(zip(numbers, cluster, strict=True)))


def empty_split(name: str, records: int, left_out: Mapping[str, int], ask: PrepareAsk, seed: int | None = None) -> HarnessError:
    """The error of a split that was asked for and comes out empty.

    Args:
        name: The split.
        records: Usable records of all splits.
        left_out: Reason -> rows that are none.
        ask: What was asked for.
        seed: One with which every split gets some, where one is known.
    """
    reasons = "".join(f", {count} x {reason}" for reason, count in left_out.items())
    why = f"{records:,} records, share {ask.shares.get(name, 0):g}" + ("; left out: " + reasons[2:] if reasons else "")
    other = f"seed {seed} draws splits that all hold some (--seed, data.seed); or " if seed is not None else ""
    return HarnessError(f"the split {name} is empty", why=why, fix=f"{other}give it a larger share, or more records")


def _filling_seed(named: Sequence[tuple[str, str]], cluster: Sequence[int], ask: PrepareAsk) -> int | None:
    """The smallest seed with which no split that is asked for is empty; None where there is none, or a sample depends on it."""
    for seed in range(_SEEDS_TRIED) if ask.options.sample is None else ():
        parts = assign(named, cluster, ask.shares, seed)
        if all(parts[name] for name in SPLITS if ask.wants(name)):
            return seed
    return None


def choose_kept(gathered: Gathered, opened: Opened, parts: dict[str, list[int]]) -> Chosen:
    """The splits of a prepared folder as they are, looked through all the same."""
    require_limits(opened.ask.limits)
    cluster = _alike(gathered, range(len(gathered.ids)), opened.ask)
    return _checked(gathered, opened, parts, dict(enumerate(cluster)))


def _alike(gathered: Gathered, numbers: Sequence[int], ask: PrepareAsk) -> list[int]:
    """The cluster of each of some records: copies of one function, or functions with the same tests."""
    copies = clusters([gathered.sketches[number] for number in numbers], ask.near_duplicates)
    tests = Tests([gathered.suites[number] for number in numbers], [gathered.marks[number] for number in numbers])
    return with_shared_tests(copies, tests)


def _checked(gathered: Gathered, opened: Opened, parts: dict[str, list[int]], cluster: Mapping[int, int]) -> Chosen:
    found = []
    for like, source in opened.benchmarks:
        benchmark = like if source is None else benchmark_of(like, looked_at(source, default_workers()))
        found.append(_held_against(benchmark, gathered, opened, parts))
    return Chosen(parts, opened.splits is not None, _cluster_counts(parts, cluster), tuple(found))


def _held_against(benchmark: Benchmark, gathered: Gathered, opened: Opened, parts: dict[str, list[int]]) -> Found:
    """Check all records but those of a source that is the benchmark; takes what is to be dropped out of the training part."""
    own = benchmark.origin if benchmark.is_source else None
    numbers = [number for part in parts.values() for number in part if gathered.origins[number] != own]
    sketches, marks = [gathered.sketches[n] for n in numbers], [gathered.marks[n] for n in numbers]
    hits = {numbers[hit.number]: hit for hit in contaminated(sketches, marks, benchmark, opened.ask.near_duplicates)}
    if not opened.ask.drop_contaminated or benchmark.is_source:
        return Found(benchmark, hits)
    dropped = [number for number in parts["train"] if number in hits]
    for number in dropped:
        example = f"{gathered.ids[number]}: {hits[number].how} of {hits[number].of}"
        gathered.left_out.add(f"training function of the benchmark {benchmark.name}", example)
    parts["train"] = [number for number in parts["train"] if number not in hits]
    return Found(benchmark, hits, len(dropped))


def _cluster_counts(parts: Mapping[str, Sequence[int]], cluster: Mapping[int, int]) -> dict[str, int]:
    sizes = Counter(cluster.values())
    sides: dict[int, set[str]] = {}
    for name, part in parts.items():
        for number in part:
            sides.setdefault(cluster[number], set()).add(name)
    return {
        "count": len(sizes),
        "of_several": sum(size > 1 for size in sizes.values()),
        "functions_in_those": sum(size for size in sizes.values() if size > 1),
        "largest": max(sizes.values(), default=0),
        "over_several_splits": sum(len(names) > 1 for names in sides.values()),
    }


def _with_oracle(gathered: Gathered, numbers: Sequence[int]) -> list[int]:
    for number in numbers:
        if not gathered.suites[number]:
            gathered.left_out.add("no oracle suite", gathered.ids[number])
    return [number for number in numbers if gathered.suites[number]]
