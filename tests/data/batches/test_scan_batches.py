from __future__ import annotations

from pathlib import Path

import pytest
from batch_place import BatchPlace, record

from harness.core.errors import ExitCode, HarnessError
from harness.data.batches.scan import require_unchanged, scan_batches


def refused(folder: Path) -> HarnessError:
    with pytest.raises(HarnessError) as caught:
        scan_batches(folder)
    assert caught.value.code is ExitCode.BAD_INPUT
    return caught.value


def test_folders_and_single_files_are_batches_and_other_things_are_not(batches: BatchPlace) -> None:
    batches.write("batch_000.jsonl", [record(0)])
    batches.write("batch_001/b.jsonl", [record(1)])
    batches.write("batch_001/a.parquet", [record(2)])
    batches.write("batch_002.parquet", [record(3)])
    for name in ("README.md", ".batch_009.jsonl", "batch_003.jsonl.part", "batch_001/notes.txt"):
        (batches.folder / name).write_text("x")
    found = scan_batches(batches.folder)
    assert [batch.name for batch in found] == ["batch_000", "batch_001", "batch_002"]
    assert [[file.name for file in batch.files] for batch in found] == [
        ["batch_000.jsonl"],
        ["a.parquet", "b.jsonl"],
        ["batch_002.parquet"],
    ]
    assert all(len(digest) == 64 for batch in found for digest in batch.digests.values())


def test_a_hole_in_the_numbering_is_named(batches: BatchPlace) -> None:
    for number in (0, 3):
        batches.write(f"batch_{number:03d}.jsonl", [record(number)])
    error = refused(batches.folder)
    assert "hole" in error.what
    assert error.why == "batch_001, batch_002 absent, but there is batch_003"


@pytest.mark.parametrize("name", ["batch_1.jsonl", "Batch_001.jsonl", "batch-001.jsonl", "batch_001.json", "batch_0001.jsonl"])
def test_a_name_that_is_almost_a_batch_is_no_silent_hole(batches: BatchPlace, name: str) -> None:
    batches.write("batch_000.jsonl", [record(0)])
    (batches.folder / name).write_text("{}")
    assert name in refused(batches.folder).what


def test_a_number_that_stands_twice(batches: BatchPlace) -> None:
    batches.write("batch_000.jsonl", [record(0)])
    batches.write("batch_000/a.jsonl", [record(0)])
    assert "batch_000 and batch_000.jsonl are both batch 0" in refused(batches.folder).why


def test_no_folder_no_batch_and_an_empty_one(batches: BatchPlace) -> None:
    assert "cannot read the batches" in refused(batches.folder / "absent").what
    assert "holds no batch" in refused(batches.folder).what
    (batches.folder / "batch_000").mkdir()
    assert "is empty" in refused(batches.folder).what


def test_a_file_that_cannot_be_read_is_named(batches: BatchPlace) -> None:
    batches.write("batch_000/a.jsonl", [record(0)])
    link = batches.folder / "batch_000" / "b.jsonl"
    link.symlink_to(batches.folder / "gone.jsonl")
    with pytest.raises(HarnessError) as caught:
        _ = scan_batches(batches.folder)[0].digests
    assert str(link) in caught.value.what


def test_a_batch_that_changed_after_its_step_is_a_conflict(batches: BatchPlace) -> None:
    batches.write("batch_000.jsonl", [record(0)])
    batches.write("batch_001/a.jsonl", [record(1)])
    before = [batch.seen() for batch in scan_batches(batches.folder)]
    require_unchanged(batches.folder, scan_batches(batches.folder), before, "start anew")
    batches.write("batch_001/a.jsonl", [record(2)])
    batches.write("batch_001/b.jsonl", [record(3)])
    with pytest.raises(HarnessError) as caught:
        require_unchanged(batches.folder, scan_batches(batches.folder), before, "start anew")
    assert caught.value.code is ExitCode.CONFLICT
    assert caught.value.why == "a.jsonl has other bytes, b.jsonl is new"
    assert caught.value.fix.endswith("or start anew")


def test_a_batch_that_is_gone_after_its_step_is_a_conflict(batches: BatchPlace) -> None:
    batches.write("batch_000.jsonl", [record(0)])
    last = batches.write("batch_001.jsonl", [record(1)])
    before = [batch.seen() for batch in scan_batches(batches.folder)]
    last.unlink()
    with pytest.raises(HarnessError) as caught:
        require_unchanged(batches.folder, scan_batches(batches.folder), before, "start anew")
    assert (caught.value.code, caught.value.why) == (ExitCode.CONFLICT, "batch_001 is gone, and a step was trained on it")
