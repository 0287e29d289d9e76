"""Owns what an inspection says in words beside its figures: what is worth knowing before a sweep. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from harness.data.inspection.report import Inspection


def remarks(found: Inspection) -> tuple[str, ...]:
    """One line each."""
    return tuple(_all(found))


def _all(found: Inspection) -> Iterator[str]:
    counts, oracles = found.counts, found.oracles
    if counts.read < counts.rows:
        yield f"all figures are of a seeded sample of {counts.read:,} of {counts.rows:,} rows (--read all reads every row)"
        yield "the whole holds a larger share of duplicates than a sample of it"
    if counts.records and oracles is not None and oracles.present == 0:
        yield "no record has an oracle suite: good for functions to write tests for, not for training"
    if oracles is not None and oracles.run and oracles.passed < oracles.run:
        failing = oracles.run - oracles.passed
        yield f"{failing} of {oracles.run} oracle suites fail; `harness data prepare` keeps the tests that pass"
    if found.duplicates is not None and found.duplicates.near:
        yield f"{found.duplicates.near:,} functions repeat others, or nearly; each group will stand in one split"
    if found.licences.get("unknown"):
        yield f"{found.licences['unknown']:,} records have no known licence"
    for limit in found.tokens.limits if found.tokens is not None else ():
        if limit.shortened or limit.dropped:
            yield (
                f"max_length {limit.max_length}: {limit.shortened:,} of {limit.examples:,} training examples lose tests, "
                f"{limit.dropped:,} are dropped"
            )
