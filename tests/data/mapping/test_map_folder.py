"""`harness data map`: a new folder whole or not at all, the original untouched, and the result READY."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from foreign_rows import SCHEMAS, lines, rows

from harness.core.errors import ExitCode, HarnessError
from harness.data.mapping.apply import Mapping
from harness.data.mapping.folder import write_folder
from harness.data.mapping.propose import propose
from harness.data.mapping.run import MapReport, apply_mapping
from harness.files.record_files import read_records


def silent(_: str) -> None:
    """Progress that nobody sees."""


@pytest.fixture
def original(tmp_path: Path) -> Path:
    file = tmp_path / "theirs.jsonl"
    file.write_text(lines("renamed"), "utf-8")
    return file


def mapping_of(file: Path, schema: str = "renamed") -> Mapping:
    found = propose(f"jsonl:{file}", rows(schema))
    assert found is not None
    return found.mapping


def mapped(file: Path, out: Path) -> tuple[MapReport, bool]:
    return apply_mapping(mapping_of(file), out, silent)


@pytest.mark.parametrize("schema", SCHEMAS)
def test_every_schema_can_be_mapped(schema: str, tmp_path: Path) -> None:
    file = tmp_path / "theirs.jsonl"
    file.write_text(lines(schema), "utf-8")
    report, fresh = apply_mapping(mapping_of(file, schema), tmp_path / "out", silent)
    assert fresh
    assert (report.rows, report.records, report.broken) == (20, 20, 0)
    assert len(read_records(tmp_path / "out" / "records.jsonl")) == 20


def test_the_original_is_only_read_and_its_hash_is_written_down(original: Path, tmp_path: Path) -> None:
    before, stat = original.read_bytes(), original.stat()
    mapped(original, tmp_path / "out")
    assert original.read_bytes() == before
    assert (original.stat().st_mtime_ns, original.stat().st_ino) == (stat.st_mtime_ns, stat.st_ino)
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["source_sha256"] == hashlib.sha256(before).hexdigest()
    assert report["format"] == "harness-map-report/1"
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["mapping.yaml", "records.jsonl", "report.json"]


def test_broken_rows_are_named_and_the_good_ones_survive(original: Path, tmp_path: Path) -> None:
    text = original.read_text().splitlines()
    text[4] = '{"snippet": "def f(:", "uid": "u-4"'
    text[9] = json.dumps({**json.loads(text[9]), "snippet": "def f(:"})
    text += [text[0], json.dumps({**json.loads(text[1]), "uid": "u-2"})]
    original.write_text("\n".join(text) + "\n", "utf-8")
    report, _ = mapped(original, tmp_path / "out")
    assert (report.rows, report.records, report.broken, report.repeated) == (22, 18, 3, 1)
    places = [row.place for row in report.broken_rows]
    assert [place.rpartition(", ")[2] for place in places] == ["line 5", "line 10", "line 22"]
    written = json.loads((tmp_path / "out" / "report.json").read_text())
    assert [row["place"] for row in written["broken_rows"]] == places
    assert written["reasons"] == {"row": 1, "snippet": 1, "id": 1}


def test_many_rows_are_read_by_several_processes_in_order(tmp_path: Path) -> None:
    file = tmp_path / "theirs.jsonl"
    some = [{"snippet": f"def f_{n}(x):\n    return x + {n}\n", "uid": f"u{n}"} for n in range(1300)]
    file.write_text("".join(json.dumps(row) + "\n" for row in some), "utf-8")
    found = propose(f"jsonl:{file}", some[:50])
    assert found is not None
    report, _ = apply_mapping(found.mapping, tmp_path / "out", silent)
    assert (report.rows, report.records) == (1300, 1300)
    assert [record.id for record in read_records(tmp_path / "out" / "records.jsonl")] == [f"u{n}" for n in range(1300)]


def test_the_same_again_is_no_conflict_and_writes_nothing(original: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    mapped(original, out)
    stamps = {path: path.stat().st_mtime_ns for path in out.iterdir()}
    _, fresh = mapped(original, out)
    assert not fresh
    assert {path: path.stat().st_mtime_ns for path in out.iterdir()} == stamps


def test_a_folder_with_other_content_is_a_conflict_and_stays(original: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    with pytest.raises(HarnessError) as caught:
        mapped(original, out)
    assert caught.value.code is ExitCode.CONFLICT
    assert [path.name for path in out.iterdir()] == ["notes.txt"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "theirs.jsonl"]


def test_nothing_is_left_where_no_row_can_be_read(original: Path, tmp_path: Path) -> None:
    mapping = mapping_of(original)
    original.write_text('{"other": 1}\n' * 3, "utf-8")
    with pytest.raises(HarnessError, match="gives no record") as caught:
        apply_mapping(mapping, tmp_path / "out", silent)
    assert "all 3 rows" in caught.value.why
    assert "no column 'snippet'" in caught.value.why
    assert [path.name for path in tmp_path.iterdir()] == ["theirs.jsonl"]


def test_a_build_that_is_interrupted_leaves_nothing(tmp_path: Path) -> None:
    def build(folder: Path) -> None:
        (folder / "half").write_text("x")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_folder(tmp_path / "out", build)
    assert list(tmp_path.iterdir()) == []


def test_an_empty_folder_is_filled_and_a_file_is_not_touched(tmp_path: Path) -> None:
    def build(folder: Path) -> None:
        (folder / "a").write_text("x")

    (tmp_path / "empty").mkdir()
    assert write_folder(tmp_path / "empty", build)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(HarnessError, match="is there already"):
        write_folder(tmp_path / "file", build)
    assert (tmp_path / "file").read_text() == "mine"
