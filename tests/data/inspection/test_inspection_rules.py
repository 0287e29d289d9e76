"""The rules of an inspection that need no file: verdict, percentiles, samples, the pool, shares on a command line."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inspected import squared

from harness.core.errors import HarnessError
from harness.core.records import Record
from harness.data.inspection.draw import Draw
from harness.data.inspection.facts import sample_key
from harness.data.inspection.parts import Counts, spread
from harness.data.inspection.report import Verdict, judged
from harness.data.inspection.shares import parse_shares
from harness.data.inspection.tables import clean
from harness.data.pooled import in_order


@pytest.mark.parametrize(
    ("counts", "verdict"),
    [
        (Counts(0), Verdict.BROKEN),
        (Counts(5, 5, 5), Verdict.READY),
        (Counts(5, 5, 0, 0, {"of no use": 5}), Verdict.BROKEN),
        (Counts(4, 4, 2, 2), Verdict.READY),
        (Counts(5, 5, 2, 3), Verdict.BROKEN),
        (Counts(1000, 5, 2, 3), Verdict.BROKEN),
    ],
)
def test_the_verdict_follows_the_counts(counts: Counts, verdict: Verdict) -> None:
    assert judged("native", counts)[0] is verdict


def test_without_a_layout_the_mapping_decides() -> None:
    assert judged("unknown", Counts(3), mappable=True)[0] is Verdict.NEEDS_MAPPING
    assert judged("unknown", Counts(3))[0] is Verdict.BROKEN
    assert judged("unknown", Counts(0), mappable=True)[0] is Verdict.BROKEN


@given(st.lists(st.integers(0, 10**6), min_size=1))
def test_percentiles_are_lengths_that_occur_in_order(values: list[int]) -> None:
    found = spread(tuple(values))
    assert {found.p5, found.p50, found.p95, found.max} <= set(values)
    assert min(values) <= found.p5 <= found.p50 <= found.p95 <= found.max == max(values)
    assert sum(value <= found.p50 for value in values) * 2 >= len(values)


def record(name: str) -> Record:
    return Record(name, "f", "def f(): ...", (), None, "o", "MIT")


@given(st.sets(st.text(max_size=4), max_size=30), st.integers(0, 12), st.randoms())
def test_a_sample_does_not_depend_on_the_order(names: set[str], size: int, random: object) -> None:
    drawn = []
    for order in (sorted(names), sorted(names, reverse=True)):
        draw = Draw(size)
        for name in order:
            key = sample_key(name, 7)
            if key <= draw.bound:
                draw.offer(key, record(name))
        assert [r.id for r in draw.records()] == [name for name in order if name in {r.id for r in draw.records()}]
        drawn.append({r.id for r in draw.records()})
    assert drawn[0] == drawn[1]
    assert len(drawn[0]) == min(size, len(names))


def test_another_seed_draws_others() -> None:
    names = [f"r{n}" for n in range(100)]
    first, second = (sorted(names, key=lambda name: sample_key(name, seed))[:10] for seed in (0, 1))
    assert first != second


def test_the_pool_keeps_the_order_and_takes_only_a_little_ahead() -> None:
    taken = 0

    def tasks() -> Iterator[int]:
        nonlocal taken
        for n in range(40):
            taken = n
            yield n

    results = in_order(squared, tasks(), 2, alone=3)
    found = [next(results) for _ in range(5)]
    assert taken < 20
    found += list(results)
    assert [value for value, _ in found] == [n * n for n in range(40)]
    assert {pid for _, pid in found[:3]} == {os.getpid()}
    assert os.getpid() not in {pid for _, pid in found[3:]}


def test_four_percents_are_the_four_splits() -> None:
    assert parse_shares("80/5/5/10") == ({"train": 0.8, "validation": 0.05, "selection": 0.05, "test": 0.1}, "")


def test_three_percents_halve_the_validation_and_say_so() -> None:
    shares, note = parse_shares("80/10/10")
    assert shares == {"train": 0.8, "validation": 0.05, "selection": 0.05, "test": 0.1}
    assert "80/10/10 became 80/5/5/10" in note


@pytest.mark.parametrize("text", ["", "80", "80/20", "80/10/20", "a/b/c", "110/-10/0/0", "nan/0/0/100", "50/50/0/0/0"])
def test_other_percents_are_refused(text: str) -> None:
    with pytest.raises(HarnessError, match="gives no shares"):
        parse_shares(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("50/50/50", "they sum to 150, not to 100"),
        ("80/10/10/10", "they sum to 110, not to 100"),
        ("33.3/33.3/33.3", "they sum to 99.9, not to 100"),
        ("-10/60/50", "'-10' is no number from 0 to 100"),
        ("80/10/ten", "'ten' is no number from 0 to 100"),
        ("80/20", "three or four percents are needed, with slashes between them; there are 2"),
    ],
)
def test_it_is_said_what_is_wrong_with_percents(text: str, why: str) -> None:
    with pytest.raises(HarnessError) as caught:
        parse_shares(text)
    assert caught.value.why == why


@given(st.text())
def test_what_reaches_the_screen_is_printable(text: str) -> None:
    assert clean(text).isprintable()
    assert len(clean(text)) == len(text)
