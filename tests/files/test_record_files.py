"""Files of records: what is written is read back, as a stream, and the same records give the same bytes."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.records import Record
from harness.files.record_files import iter_records, read_records, to_line, write_records

TEXT = st.text(st.characters(codec="utf-8"), max_size=40)
RECORDS = st.lists(
    st.builds(
        Record,
        id=TEXT,
        entry_point=TEXT,
        source=TEXT,
        oracle_tests=st.lists(TEXT, max_size=3).map(tuple),
        oracle_suite=st.none() | TEXT,
        origin=TEXT,
        licence=TEXT,
        oracle_imports=st.lists(TEXT, max_size=2).map(tuple),
    ),
    max_size=6,
)


@pytest.mark.parametrize("suffix", ["parquet", "jsonl"])
@settings(max_examples=40, deadline=None)
@given(records=RECORDS)
def test_what_is_written_is_read_back(tmp_path_factory: pytest.TempPathFactory, suffix: str, records: list[Record]) -> None:
    file = tmp_path_factory.mktemp("records") / f"some.{suffix}"
    assert write_records(file, iter(records)) == len(records)
    assert read_records(file) == tuple(records)


def numbered(count: int) -> list[Record]:
    return [Record(f"r/{k}", "f", f"def f(x):\n    return x + {k}\n", (), None, "here", "MIT") for k in range(count)]


@pytest.mark.parametrize("suffix", ["parquet", "jsonl"])
def test_same_records_same_bytes(tmp_path: Path, suffix: str) -> None:
    one, two = tmp_path / f"one.{suffix}", tmp_path / f"two.{suffix}"
    for file in (one, two):
        write_records(file, numbered(1300))  # several row groups
    assert one.read_bytes() == two.read_bytes()


@pytest.mark.parametrize("suffix", ["parquet", "jsonl"])
def test_the_first_records_come_without_the_rest(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"some.{suffix}"
    write_records(file, numbered(1300))
    assert [record.id for record in islice(iter_records(file), 3)] == ["r/0", "r/1", "r/2"]


def test_a_record_from_before_imports_were_kept_is_still_read(tmp_path: Path) -> None:
    file = tmp_path / "old.jsonl"
    line = to_line(numbered(1)[0]).replace(', "oracle_imports": []', "")
    assert "oracle_imports" not in line
    file.write_text(line, "utf-8")
    assert read_records(file) == tuple(numbered(1))


def test_what_people_leave_out_is_filled_in(tmp_path: Path) -> None:
    file = tmp_path / "mine.jsonl"
    file.write_text('\ufeff{"id": "a", "entry_point": "f", "source": "def f(): ..."}\n', "utf-8")
    assert read_records(file) == (Record("a", "f", "def f(): ...", (), None, "mine.jsonl", "unknown"),)
