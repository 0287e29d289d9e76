"""Some hundred of the files that benchmarks/fuzz_readers.py makes by the ten thousand."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

# The root, not the folder: a script in benchmarks/ is named like the package.
sys.path.append(str(Path(__file__).parents[3]))
from benchmarks.reader_files import Made, damaged_tables, line_files, odd_tables
from benchmarks.reader_outcome import outcome

# Every run makes the same files: the search for others is the benchmark's.
_FEW = settings(derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("made")


@given(line_files())
@example(Made("jsonl", b"\xff", frozenset()))
@example(Made("jsonl", b"\x1f\x8b\x08\x00", frozenset()))
@example(Made("chat", b"PAR1" * 3, frozenset()))
@settings(_FEW, max_examples=250)
def test_lines(folder: Path, made: Made) -> None:
    assert outcome(made, folder).wrong == ""


@given(damaged_tables())
@settings(_FEW, max_examples=150)
def test_damaged_parquet(folder: Path, made: Made) -> None:
    assert outcome(made, folder).wrong == ""


@given(odd_tables())
@settings(_FEW, max_examples=100)
def test_odd_columns(folder: Path, made: Made) -> None:
    assert outcome(made, folder).wrong == ""


@given(st.binary(max_size=200), st.sampled_from(["jsonl", "parquet", "mbpp", "chat"]))
@settings(_FEW, max_examples=50)
def test_any_bytes(folder: Path, data: bytes, kind: str) -> None:
    assert outcome(Made(kind, data, frozenset()), folder).wrong == ""
