"""The mapping file: what it may say, and what is said about a wrong one; and how single columns are taken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from foreign_rows import asserts, check, code, pytest_file

from harness.core.errors import ExitCode, HarnessError
from harness.core.records import Record
from harness.data.mapping.apply import Mapped, Mapping
from harness.data.mapping.model import load_mapping
from harness.data.sources.rows import Broken, Row

HEAD = "format: harness-mapping/1\nsource: jsonl:x.jsonl\nfields:\n"
CODE = code("scale_price", 2)


def mapping(**fields: Any) -> Mapping:
    return Mapping.model_validate({"format": "harness-mapping/1", "source": "jsonl:data/x.jsonl", "fields": fields})


def read(values: dict[str, Any], **fields: Any) -> Record | Broken:
    item = Mapped(mapping(source={"column": "code"}, **fields)).read(Row("x.jsonl, line 7", values))
    assert isinstance(item, Record | Broken)
    return item


def broken(values: dict[str, Any], **fields: Any) -> Broken:
    item = read(values, **fields)
    assert isinstance(item, Broken), item
    assert item.place == "x.jsonl, line 7"
    return item


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (HEAD + "  source: {column: code}\n  tests: {column: t}\n", 5, "fields.tests: unknown field"),
        (HEAD + "  source: {column: code, takes: text}\n", 4, "fields.source.takes: unknown field"),
        (HEAD + "  source: {column: code, take: python}\n", 4, "fields.source.take"),
        (HEAD + "  oracle_suite: {column: t}\n", 3, "fields.source: required, but absent"),
        (HEAD + "  source: {column: code}\n  id: {row: false}\n", 5, "fields.id"),
        (HEAD + "  source: {column: code}\n  licence: MIT\n", 5, "fields.licence"),
        (HEAD + "  source: {column: c}\n  oracle_suite: {column: t}\n  oracle_tests: {column: t}\n", 3, "fields"),
        ("format: harness-mapping/9\nsource: jsonl:x\nfields:\n  source: {column: c}\n", 1, "format"),
        ("[1, 2]\n", 1, "the file"),
        ("", 1, "the file"),
        (HEAD + "  source: {column: [\n", 5, "not valid YAML"),
    ],
)
def test_a_wrong_file_is_named_with_its_line_and_field(tmp_path: Path, text: str, line: int, said: str) -> None:
    file = tmp_path / "m.yaml"
    file.write_text(text, "utf-8")
    with pytest.raises(HarnessError) as caught:
        load_mapping(file)
    assert f"{file}:{line}: " in caught.value.what
    assert said in caught.value.what
    assert caught.value.code is ExitCode.BAD_INPUT


def test_a_missing_or_binary_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_bytes(b"\xff\xfe\x00")
    for name in ("a.yaml", "b.yaml"):
        with pytest.raises(HarnessError, match="cannot be read"):
            load_mapping(tmp_path / name)


def test_a_record_of_everything() -> None:
    item = read(
        {"code": CODE.replace("\n", "\r\n"), "t": pytest_file("scale_price", 2), "n": 12, "l": "MIT", "o": "octo"},
        oracle_suite={"column": "t"},
        id={"column": "n"},
        licence={"column": "l"},
        origin={"column": "o"},
    )
    assert isinstance(item, Record)
    assert (item.id, item.entry_point, item.licence, item.origin) == ("12", "scale_price", "MIT", "octo")
    assert item.source == CODE
    assert len(item.oracle_tests) == 4


def test_without_columns_for_them_ids_are_row_numbers_and_the_origin_is_the_file() -> None:
    item = read({"code": CODE})
    assert isinstance(item, Record)
    assert (item.id, item.origin, item.licence, item.oracle_suite) == ("x-000007", "x", "unknown", None)


@pytest.mark.parametrize("empty", [None, "", [], "[]"])
def test_a_row_with_empty_tests_keeps_its_function(empty: object) -> None:
    item = read({"code": CODE, "t": empty}, oracle_suite={"column": "t"})
    assert isinstance(item, Record)
    assert item.oracle_suite is None


def test_the_function_that_the_tests_call_is_the_one_under_test() -> None:
    source = CODE + "\n\ndef helper(value):\n    return value\n\n\ndef _private(value):\n    return value\n"
    item = read({"code": source, "t": asserts("scale_price", 2)}, oracle_tests={"column": "t", "path": "*"})
    assert isinstance(item, Record)
    assert item.entry_point == "scale_price"
    alone = read({"code": source})
    assert isinstance(alone, Record)
    assert alone.entry_point == "helper"


def test_a_method_can_be_the_one_under_test() -> None:
    source = "class Price:\n    def __init__(self, v):\n        self.v = v\n\n    def twice(self):\n        return 2 * self.v\n"
    suite = "from shop import Price\n\n\ndef test_twice():\n    assert Price(2).twice() == 4\n"
    item = read({"code": source, "t": suite}, oracle_suite={"column": "t"})
    assert isinstance(item, Record)
    assert item.entry_point == "Price.twice"
    assert item.oracle_suite is not None
    assert "from solution import Price" in item.oracle_suite


def test_of_several_files_the_first_that_can_be_used_counts() -> None:
    files = ["print('no test')", "def broken(:", check("scale_price", 2), pytest_file("scale_price", 2)]
    item = read({"code": CODE, "t": files}, oracle_suite={"column": "t", "path": "*"})
    assert isinstance(item, Record)
    assert item.oracle_suite is not None
    assert "def test_check" in item.oracle_suite


@pytest.mark.parametrize(
    ("values", "field", "said"),
    [
        ({}, "code", "no column 'code'"),
        ({"code": None}, "code", "empty"),
        ({"code": 5}, "code", "int, no text"),
        ({"code": "def f(:"}, "code", "not Python"),
        ({"code": "x = 1"}, "code", "defines no function"),
        ({"code": "def f():\n    return '\ud800'"}, "code", "half a character"),
        ({"code": "x" * (1 << 21)}, "code", "2,097,152 characters"),
        ({"code": CODE, "t": "def test_x(:"}, "t", "not Python"),
        ({"code": CODE, "t": "def test_x():\n    assert other()"}, "t", "no usable test"),
        ({"code": CODE}, "t", "no column 't'"),
    ],
)
def test_a_broken_row_names_the_column_and_what_is_there(values: dict[str, Any], field: str, said: str) -> None:
    found = broken(values, oracle_suite={"column": "t"}) if field == "t" else broken(values)
    assert (found.field, said in found.found) == (field, True), found


def test_json_and_paths_that_lead_nowhere_are_broken_rows() -> None:
    suite = {"column": "t", "take": "json", "path": "0.code"}
    assert "does not parse" in broken({"code": CODE, "t": '[{"code": '}, oracle_suite=suite).found
    assert "no text" in broken({"code": CODE, "t": '{"code": 1}'}, oracle_suite=suite).found
    assert "no fenced block" in broken({"code": CODE, "t": "just words"}, oracle_suite={"column": "t", "take": "code"}).found


def test_an_entry_point_that_the_source_does_not_define_is_broken() -> None:
    found = broken({"code": CODE, "f": "other"}, entry_point={"column": "f"})
    assert "'other'" in found.found
    assert "scale_price" in found.found
    assert isinstance(read({"code": CODE, "f": "def scale_price(value)"}, entry_point={"column": "f"}), Record)
