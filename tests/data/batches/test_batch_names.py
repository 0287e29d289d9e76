"""Names in a folder of batches: nothing that looks like data is passed over in silence."""

from __future__ import annotations

from pathlib import Path

import pytest
from batch_place import BatchPlace, record

from harness.core.errors import ExitCode, HarnessError
from harness.data.batches.scan import scan_batches


def refused(folder: Path) -> HarnessError:
    with pytest.raises(HarnessError) as caught:
        scan_batches(folder)
    assert caught.value.code is ExitCode.BAD_INPUT
    return caught.value


@pytest.fixture
def started(batches: BatchPlace) -> Path:
    batches.write("batch_000/a.jsonl", [record(0)])
    return batches.folder


@pytest.mark.parametrize(
    "name",
    [
        "b.jsonl.gz",
        "b.parquet.zst",
        "b.csv",
        "b.tsv",
        "b.json",
        "b.ndjson",
        "b.arrow",
        "b.xlsx",
        "B.JSONL",
        "deep/b.jsonl",
        "b.zip",
    ],
)
def test_data_in_a_batch_that_would_not_be_read_is_refused(started: Path, name: str) -> None:
    file = started / "batch_000" / name
    file.parent.mkdir(exist_ok=True)
    file.write_text("{}")
    error = refused(started)
    assert error.what == f"{started / 'batch_000'} holds data that would not be read: {name.partition('/')[0]}"
    assert error.fix == "write them there as .jsonl or .parquet, or move them out of the batch"


@pytest.mark.parametrize("ending", ["part", "tmp", "crdownload"])
def test_a_file_that_is_still_being_written_is_refused_and_waited_for(started: Path, ending: str) -> None:
    for name in (f"b.jsonl.{ending}", "c.csv"):
        (started / "batch_000" / name).write_text("{}")
    error = refused(started)
    assert error.what.endswith(f"would not be read: b.jsonl.{ending}, c.csv")
    assert error.fix.endswith(f"wait for what is still being written (b.jsonl.{ending})")


def test_notes_hidden_files_and_what_the_harness_writes_beside_records_are_left_alone(started: Path) -> None:
    for name in ("README.md", "notes.txt", "LICENSE", "mapping.yaml", "report.json", "manifest.json", ".b.csv", ".b.jsonl.tmp"):
        (started / "batch_000" / name).write_text("x")
    (started / "batch_000" / "figures").mkdir()
    (started / "batch_000" / "figures" / "lengths.png").write_text("x")
    assert [file.name for file in scan_batches(started)[0].files] == ["a.jsonl"]


def test_of_many_such_files_the_first_five_are_named(started: Path) -> None:
    for number in range(7):
        (started / "batch_000" / f"b{number}.csv").write_text("x")
    assert refused(started).what.endswith("b0.csv, b1.csv, b2.csv, b3.csv, b4.csv and 2 more")


def test_a_single_file_that_is_compressed_is_no_silent_end_of_the_batches(started: Path) -> None:
    (started / "batch_001.jsonl.gz").write_text("x")
    assert refused(started).what == f"{started / 'batch_001.jsonl.gz'} is not named as a batch"


@pytest.mark.parametrize("name", ["batch_001.jsonl", "batch_001"])
def test_a_link_to_nothing_is_called_one(started: Path, name: str) -> None:
    (started / name).symlink_to("/gone/for/good")
    error = refused(started)
    assert error.what == f"{started / name} is a link to nothing"
    assert error.why == f"{name} points to /gone/for/good, which is not there"


def test_a_link_to_a_batch_is_one(started: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.jsonl").write_text("{}")
    (started / "batch_001.jsonl").symlink_to(tmp_path / "elsewhere.jsonl")
    assert [batch.name for batch in scan_batches(started)] == ["batch_000", "batch_001"]


def test_all_wrong_names_are_listed(started: Path) -> None:
    for number in range(1, 8):
        (started / f"batch-00{number}.jsonl").write_text("{}")
    error = refused(started)
    names = ", ".join(f"batch-00{number}.jsonl" for number in range(1, 6))
    assert error.what == f"{started}: not named as batches: {names} and 2 more"
    assert error.fix == "rename them, or move them away"
