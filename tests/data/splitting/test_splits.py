from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.errors import HarnessError
from harness.core.records import Record
from harness.data.sources.registry import Loaded
from harness.data.splitting.near_duplicates import clusters, sketch
from harness.data.splitting.normal_form import clone_digest
from harness.data.splitting.splits import SPLITS, assign, require_limits
from harness.files.record_files import to_line, write_records

_SHARES = {"train": 0.4, "validation": 0.3, "selection": 0.1, "test": 0.2}


_BODIES = ["return x + {n}", "return sorted(x)[{n}:]", "return [y for y in x if y > {n}]", "return str(x) * {n} or None"]


def _record(number: int, name: str = "f") -> Record:
    body = _BODIES[number % len(_BODIES)].format(n=number)
    source = f"def {name}(x):\n    {body}\n"
    return Record(f"r{number}-{name}", name, source, (), None, "made", "unknown")


records = st.lists(st.integers(0, 10_000), unique=True, max_size=30).map(lambda numbers: [_record(number) for number in numbers])


def split_records(
    made: Sequence[Record], shares: dict[str, float], limits: dict[str, int | None], threshold: float = 0.8, seed: int = 0
) -> dict[str, tuple[Record, ...]]:
    """The rules one after the other, as a preparation applies them."""
    require_limits(limits)
    sketches = [sketch(record.source, record.entry_point) for record in made]
    named = [(record.id, one.digest) for record, one in zip(made, sketches, strict=True)]
    parts = assign(named, clusters(sketches, threshold), shares, seed)
    return {name: tuple(made[at] for at in part[: limits.get(name)]) for name, part in parts.items()}


def _ids(split: tuple[Record, ...]) -> list[str]:
    return [record.id for record in split]


@settings(max_examples=25, deadline=None)
@given(records)
def test_splits_are_disjoint_and_complete(made: list[Record]) -> None:
    parts = split_records(made, _SHARES, {})
    assert list(parts) == list(SPLITS)
    assert sorted(i for part in parts.values() for i in _ids(part)) == sorted(record.id for record in made)


@settings(max_examples=25, deadline=None)
@given(records, st.randoms(use_true_random=False))
def test_order_of_the_records_does_not_matter(made: list[Record], rng: object) -> None:
    shuffled = list(made)
    rng.shuffle(shuffled)  # type: ignore[attr-defined]
    assert split_records(shuffled, _SHARES, {"train": 5}) == split_records(made, _SHARES, {"train": 5})


@settings(max_examples=25, deadline=None)
@given(records, st.data())
def test_added_records_move_none(made: list[Record], data: st.DataObject) -> None:
    kept = data.draw(st.sets(st.sampled_from([record.id for record in made]))) if made else set()
    few = split_records([record for record in made if record.id in kept], _SHARES, {}, 1)
    many = split_records(made, _SHARES, {}, 1)
    for name in SPLITS:
        assert _ids(few[name]) == [i for i in _ids(many[name]) if i in kept]


@settings(max_examples=25, deadline=None)
@given(records, st.integers(0, 20), st.integers(0, 20))
def test_smaller_limit_takes_a_prefix(made: list[Record], one: int, other: int) -> None:
    small, large = sorted((one, other))
    few = split_records(made, _SHARES, dict.fromkeys(SPLITS, small))
    many = split_records(made, _SHARES, dict.fromkeys(SPLITS, large))
    for name in SPLITS:
        assert few[name] == many[name][:small]
        assert len(many[name]) <= large


@settings(max_examples=25, deadline=None)
@given(records)
def test_copies_stay_on_one_side(made: list[Record]) -> None:
    copies = [_record(int(record.id[1:].split("-")[0]), "renamed") for record in made]
    parts = split_records([*made, *copies], _SHARES, {})
    for part in parts.values():
        numbers = [i.split("-")[0] for i in _ids(part)]
        assert all(numbers.count(number) == 2 for number in numbers)


def _scan(name: str, limit: int) -> str:
    return (
        f"def {name}(items):\n    count = 0\n    for i in range(len(items)):\n        for j in range(i + {limit}, len(items)):\n"
        f"            if items[i] > items[j]:\n                count += 1\n    return count\n"
    )


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 99), unique=True, min_size=2, max_size=12), st.integers(0, 3))
def test_near_copies_stay_on_one_side(limits: list[int], seed: int) -> None:
    made = [Record(f"s{n}", "scan", _scan("scan", n), (), None, "made", "MIT") for n in limits]
    parts = split_records(made, _SHARES, {}, 0.8, seed)
    assert sorted(len(part) for part in parts.values()) == [0, 0, 0, len(made)]
    apart = split_records(made, _SHARES, {}, 1, seed)
    assert sum(len(part) for part in apart.values()) == len(made)


@settings(max_examples=25, deadline=None)
@given(records)
def test_another_seed_draws_other_splits(made: list[Record]) -> None:
    first, second = (split_records(made, _SHARES, {}, 0.8, seed) for seed in (0, 7))
    assert sorted(i for part in first.values() for i in _ids(part)) == sorted(i for part in second.values() for i in _ids(part))
    assert second == split_records(made, _SHARES, {}, 0.8, 7)
    assert len(made) < 25 or first != second


def test_plans_without_selection_get_none() -> None:
    parts = split_records([_record(n) for n in range(60)], {"train": 0.8, "validation": 0.1, "test": 0.1}, {})
    assert parts["selection"] == ()
    assert all(parts[name] for name in ("train", "validation", "test"))


@pytest.mark.parametrize(
    "copy",
    [
        "def f(x):\n    return x+1",
        "def f(x) -> int:\n    return x + 1",
        "# why\ndef f(x):\n\n    return (x + 1)  # how\n",
        'def f(x: int) -> int:\n    """Add."""\n    return x + 1\n',
        "def increment(value):\n    return value + 1\n",
    ],
)
def test_clones_have_one_digest(copy: str) -> None:
    assert clone_digest(copy) == clone_digest("def f(x):\n    return x + 1\n")


def test_annotated_assignments_and_async_functions_are_normalised() -> None:
    plain = "async def f(x):\n    y = x\n    return y\n"
    assert clone_digest("async def g(a: int) -> int:\n    'Doc.'\n    b: int = a\n    return b\n") == clone_digest(plain)
    assert clone_digest(plain) != clone_digest(plain.replace("async ", ""))


@pytest.mark.parametrize(
    "other", ["def f(x):\n    return x + 2\n", "def f(x):\n    return abs(x)\n", "def f(x, y):\n    return x + y\n"]
)
def test_other_functions_have_another_digest(other: str) -> None:
    assert clone_digest(other) != clone_digest("def f(x):\n    return x + 1\n")


def test_digest_is_the_same_on_every_machine() -> None:
    # A change of this value silently moves functions between splits: old test scores would stand for nothing.
    assert clone_digest("def f(x):\n    return [y for y in x if y > 0]\n")[:16] == "af841e4c49ef850a"


def test_shares_are_met_on_real_functions(mbpp: Loaded) -> None:
    loaded = mbpp.records
    parts = split_records(loaded, _SHARES, {})
    for name, share in _SHARES.items():
        deviation = math.sqrt(share * (1 - share) / len(loaded))
        assert abs(len(parts[name]) / len(loaded) - share) < 4 * deviation


@pytest.mark.parametrize(
    ("shares", "limits", "message"),
    [
        ({"train": 0.5, "test": 0.4}, {}, "do not sum to 1"),
        ({}, {}, "do not sum to 1"),
        ({"train": 1.5, "test": -0.5}, {}, "share of train"),
        ({"train": math.nan}, {}, "share of train"),
        ({"training": 1.0}, {}, "unknown split in the shares: training"),
        ({"train": 1.0}, {"tests": 3}, "unknown split in the limits: tests"),
        ({"train": 1.0}, {"train": -1}, "limit of train"),
    ],
)
def test_wrong_shares_and_limits_are_refused(shares: dict[str, float], limits: dict[str, int | None], message: str) -> None:
    with pytest.raises(HarnessError, match=message):
        split_records([_record(1)], shares, limits)


def _digest(made: Sequence[Record]) -> str:
    """As a preparation takes it while it writes Parquet."""
    return hashlib.sha256("".join(map(to_line, made)).encode()).hexdigest()


def test_data_digest_is_that_of_the_file(tmp_path: Path) -> None:
    made = [_record(1), _record(2)]
    file = tmp_path / "x.jsonl"
    write_records(file, made)
    assert _digest(made) == hashlib.sha256(file.read_bytes()).hexdigest()
    assert _digest(made) != _digest(made[::-1])


def test_clusters_of_several_get_their_share_of_every_split() -> None:
    named = [(f"r{n}", clone_digest(_record(n).source)) for n in range(3000)]
    parts = assign(named, [n // 3 for n in range(3000)], _SHARES)
    for name, share in _SHARES.items():
        assert len(parts[name]) / len(named) == pytest.approx(share, abs=0.06)  # 1,000 clusters: 4 standard deviations
