from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import coderm_rows
import pytest
from data_types import Python

from harness.core.errors import ExitCode, HarnessError
from harness.core.records import Record
from harness.data.sources.hf import open_rows
from harness.data.sources.registry import open_source
from harness.data.sources.rows import SourceOptions

_OPTIONS = SourceOptions()


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    return list(coderm_rows.rows())[:12]


@pytest.fixture
def library() -> Any:
    import datasets

    datasets.config.TORCH_AVAILABLE = False
    return datasets


@pytest.fixture
def parquet_folder(tmp_path: Path, rows: list[dict[str, Any]], library: Any) -> Path:
    folder = tmp_path / "CodeRM-UnitTest"
    (folder / "data").mkdir(parents=True)
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n# made up\n", "utf-8")
    library.Dataset.from_list(rows).to_parquet(str(folder / "data" / "train-00000-of-00001.parquet"))
    library.Dataset.from_list(rows[:2]).to_parquet(str(folder / "data" / "test-00000-of-00001.parquet"))
    return folder


def _refused(name: str) -> HarnessError:
    with pytest.raises(HarnessError) as caught:
        open_rows(name, _OPTIONS)
    return caught.value


def test_a_folder_of_parquet_files_with_a_card(parquet_folder: Path, rows: list[dict[str, Any]]) -> None:
    opened = open_rows(str(parquet_folder), _OPTIONS)
    assert (opened.origin, opened.licence, opened.split) == ("CodeRM-UnitTest", "apache-2.0", "train")
    assert opened.columns == ("task_id", "question", "code_ground_truth", "code_generate", "unit_tests")
    found = list(opened.rows())
    assert [dict(row.values) for row in found] == rows
    assert found[1].place == "hf:CodeRM-UnitTest#train, row 2"
    assert len(list(open_rows(f"{parquet_folder}#test", _OPTIONS).rows())) == 2


def test_it_is_a_source_like_any_other(parquet_folder: Path) -> None:
    source = open_source(f"hf:{parquet_folder}")
    assert (source.layout, source.origin, source.licence) == ("coderm", "CodeRM-UnitTest", "apache-2.0")
    records = [item for item in source.items() if isinstance(item, Record)]
    assert len(records) == 12
    assert {(record.origin, record.licence) for record in records} == {("CodeRM-UnitTest", "apache-2.0")}
    sampled = open_source(f"hf:{parquet_folder}", SourceOptions(sample=5, seed=1))
    chosen = [item for item in sampled.items() if isinstance(item, Record)]
    assert [record for record in records if record in chosen] == chosen
    assert len(chosen) == 5


def test_saved_sets(tmp_path: Path, rows: list[dict[str, Any]], library: Any) -> None:
    one = library.Dataset.from_list(rows)
    one.save_to_disk(str(tmp_path / "one"))
    library.DatasetDict({"train": one, "held": one.select(range(3))}).save_to_disk(str(tmp_path / "many"))
    opened = open_rows(str(tmp_path / "one"), _OPTIONS)
    assert (opened.count(), opened.licence) == (12, "unknown")
    assert [dict(row.values) for row in opened.rows()] == rows
    assert open_rows(f"{tmp_path / 'many'}#held", _OPTIONS).count() == 3
    assert open_rows(str(tmp_path / "many"), _OPTIONS).count() == 12
    assert "train, held" in _refused(f"{tmp_path / 'many'}#gone").why
    assert "leave #test out" in _refused(f"{tmp_path / 'one'}#test").fix


def test_a_folder_of_json_lines(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    (tmp_path / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    assert [dict(row.values) for row in open_rows(str(tmp_path), _OPTIONS).rows()] == rows


def test_rows_that_cannot_be_read_are_an_error_and_no_early_end(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text('{"a": 1}\n{"a": \n', "utf-8")
    with pytest.raises(HarnessError) as caught:
        list(open_rows(str(tmp_path), _OPTIONS).rows())
    assert caught.value.code is ExitCode.BAD_INPUT
    assert "jsonl:FILE" in caught.value.fix


def test_the_digest_is_of_the_bytes_and_the_split(parquet_folder: Path) -> None:
    first = open_rows(str(parquet_folder), _OPTIONS).digest()
    assert open_rows(str(parquet_folder), _OPTIONS).digest() == first
    assert open_rows(f"{parquet_folder}#test", _OPTIONS).digest() != first
    (parquet_folder / "README.md").write_text("---\nlicense: mit\n---\n", "utf-8")
    assert open_rows(str(parquet_folder), _OPTIONS).digest() != first


@pytest.mark.parametrize("card", ["no yaml", "---\n---\n", "", "---\nlicense: 3\n---\n"])
def test_a_card_that_says_nothing(parquet_folder: Path, card: str) -> None:
    (parquet_folder / "README.md").write_text(card, "utf-8")
    assert open_rows(f"{parquet_folder}#test", _OPTIONS).licence in {"unknown", "3"}


def test_a_card_with_a_broken_header_is_named(parquet_folder: Path) -> None:
    (parquet_folder / "README.md").write_text("---\nlicense: [\n---\n", "utf-8")
    assert "README.md" in _refused(str(parquet_folder)).fix


def test_names_that_are_none(tmp_path: Path, parquet_folder: Path) -> None:
    file = next(parquet_folder.rglob("*.parquet"))
    for name, what in [("a b", "names no data set"), ("./gone", "cannot read the folder"), (str(file), "cannot read the folder")]:
        error = _refused(name)
        assert (error.code, what in error.what) == (ExitCode.BAD_INPUT, True)
    (tmp_path / "empty").mkdir()
    assert "parquet:FILE" in _refused(str(tmp_path / "empty")).fix
    assert "name one of these" in _refused(f"{parquet_folder}#gone").fix


def _in_a_child(run_python: Python, *names: str, **env: str) -> list[str]:
    """What opening each of the names leads to, and last which heavy packages were imported on the way."""
    code = (
        "import sys\nfrom harness.data.sources.hf import open_rows\nfrom harness.data.sources.rows import SourceOptions\n"
        "from harness.core.errors import HarnessError\nfor name in sys.argv[1:]:\n"
        "    try:\n        print(len(list(open_rows(name, SourceOptions()).rows())))\n"
        "    except HarnessError as error:\n        print(int(error.code), error.why, '|', error.fix)\n"
        "print([name for name in ('torch', 'transformers', 'peft', 'trl', 'tensorflow') if name in sys.modules])\n"
    )
    done = run_python(code, *names, env=env)
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_no_torch_no_noise_and_without_a_network_a_local_copy_is_named(
    run_python: Python, parquet_folder: Path, tmp_path: Path
) -> None:
    env = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(tmp_path / "home")}
    count, refused, heavy = _in_a_child(run_python, str(parquet_folder), "KAKA22/CodeRM-UnitTest", **env)
    assert (count, heavy) == ("12", "[]")
    assert refused.startswith("3 the hub cannot be reached")
    assert "hf:./FOLDER" in refused
    assert "parquet:FILE" in refused


def test_offline_is_respected(run_python: Python, tmp_path: Path) -> None:
    env = {"HF_DATASETS_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    refused, heavy = _in_a_child(run_python, "KAKA22/CodeRM-UnitTest", **env)
    assert refused.startswith("3 ")
    assert "hf:./FOLDER" in refused
    assert heavy == "[]"
