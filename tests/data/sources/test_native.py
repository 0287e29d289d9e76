from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.core.errors import HarnessError
from harness.core.records import Record
from harness.data.sources.fields import MAX_CODE
from harness.data.sources.native import Native
from harness.data.sources.registry import Loaded, load_records
from harness.data.sources.rows import Broken, Row
from harness.files.record_files import to_line

_ROW = {"id": "a", "entry_point": "f", "source": "def f(x):\n    return x\n"}
_TEST = "def test_f():\n    assert f(1) == 1"


def _write(tmp_path: Path, *lines: str) -> Path:
    file = tmp_path / "mine.jsonl"
    file.write_text("\n".join(lines) + "\n", "utf-8")
    return file


def _read(**changes: Any) -> Record | Broken:
    item = Native().read(Row("here", {key: value for key, value in {**_ROW, **changes}.items() if value != "left out"}))
    assert isinstance(item, Record | Broken)
    return item


def _record(**changes: Any) -> Record:
    item = _read(**changes)
    assert isinstance(item, Record)
    return item


def test_shortest_record_is_enough(tmp_path: Path) -> None:
    loaded = load_records(f"jsonl:{_write(tmp_path, json.dumps(_ROW), '', json.dumps({**_ROW, 'id': 'b'}))}")
    assert [record.id for record in loaded.records] == ["a", "b"]
    first = loaded.records[0]
    assert (first.oracle_tests, first.oracle_suite, first.origin, first.licence) == ((), None, "mine.jsonl", "unknown")


def test_suite_is_made_of_the_tests() -> None:
    assert _record(oracle_tests=[_TEST]).oracle_suite == f"from solution import f\n\n\n{_TEST}\n"


def test_made_suite_has_the_imports_of_the_tests() -> None:
    suite = _record(oracle_tests=[_TEST], oracle_imports=["import math"]).oracle_suite
    assert suite == f"import math\nfrom solution import f\n\n\n{_TEST}\n"


def test_tests_are_taken_out_of_a_suite_only_where_the_row_does_not_say() -> None:
    suite = f"from solution import f\n\n\n{_TEST}\n"
    assert _record(oracle_suite=suite).oracle_tests == ("def test_f_1():\n    assert f(1) == 1",)
    assert _record(oracle_suite=suite, oracle_tests=[]).oracle_tests == ()


def test_method_is_an_entry_point() -> None:
    record = _record(source="class A:\n    def m(self):\n        return 1\n", entry_point="A.m", oracle_tests=[_TEST])
    assert record.entry_point == "A.m"
    assert record.oracle_suite is not None
    assert record.oracle_suite.startswith("from solution import A\n")


def test_null_is_as_good_as_absent_and_the_index_of_pandas_is_ignored() -> None:
    nulls = dict.fromkeys(["oracle_tests", "oracle_suite", "origin", "licence", "oracle_imports"])
    assert _record(**nulls, __index_level_0__=7) == _record()


def test_own_output_is_read_back(tmp_path: Path, human_eval: Loaded) -> None:
    file = tmp_path / "own.jsonl"
    file.write_text("".join(to_line(record) for record in human_eval.records), "utf-8")
    assert load_records(f"jsonl:{file}").records == human_eval.records


@pytest.mark.parametrize(
    ("changes", "field", "found", "allowed"),
    [
        ({"source": "left out"}, "source", "`source` is missing; there are id, entry_point", "id, entry_point, source"),
        ({"source": None}, "source", "the field `source` is null", "id, entry_point, source"),
        ({"id": 3}, "id", "`id` is 3", "valid string"),
        ({"oracle_tests": "x"}, "oracle_tests", "`oracle_tests` is 'x'", "valid list"),
        ({"oracle_tests": [["x" * 99]]}, "oracle_tests.0", "`oracle_tests.0` is ['xxx", "valid string"),
        ({"orcale_tests": []}, "orcale_tests", "unknown field `orcale_tests` (nearest: oracle_tests)", "oracle_suite"),
        ({"source": "def f(:"}, "source", "`source` is not Python", "importable module"),
        ({"source": "x = " + "(" * 5_000}, "source", "`source` is not Python", "importable module"),
        ({"source": "x = " + "-" * 100_000 + "1"}, "source", "`source` is not Python", "importable module"),
        ({"source": "def f(): pass\0"}, "source", "`source` is not Python", "importable module"),
        ({"source": "x = 1\n" * 200_000}, "source", "1,200,000 characters", f"at most {MAX_CODE:,} characters"),
        ({"entry_point": "g"}, "entry_point", "does not define `entry_point` 'g'; it defines f", "top-level name"),
        ({"entry_point": "f.g"}, "entry_point", "does not define", "Class.method"),
        ({"oracle_suite": "def ("}, "oracle_suite", "`oracle_suite` is not Python", "a whole pytest file"),
        ({"oracle_tests": [_TEST, "def ("]}, "oracle_tests.1", "not Python", "one whole test function"),
        ({"oracle_tests": ["assert f(1)"]}, "oracle_tests.0", "'assert f(1)'", "`def test_...`"),
        ({"oracle_tests": [""]}, "oracle_tests.0", "''", "`def test_...`"),
        ({"oracle_imports": ["import"]}, "oracle_imports", "not Python", "import lines"),
    ],
)
def test_broken_row_is_named(changes: dict[str, Any], field: str, found: str, allowed: str) -> None:
    item = _read(**changes)
    assert isinstance(item, Broken)
    assert (item.place, item.field) == ("here", field)
    assert found in item.found
    assert allowed in item.allowed
    assert len(item.found) < 400


def test_good_rows_survive_broken_ones(tmp_path: Path) -> None:
    file = _write(tmp_path, json.dumps(_ROW), json.dumps({**_ROW, "source": "def ("}), json.dumps({**_ROW, "id": "b"}))
    loaded = load_records(f"jsonl:{file}")
    assert [record.id for record in loaded.records] == ["a", "b"]
    assert [row.place for row in loaded.broken] == ["mine.jsonl, line 2"]


def test_all_rows_broken_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=r"mine\.jsonl, line 1: broken record \(2 rows are broken\)"):
        load_records(f"jsonl:{_write(tmp_path, '{', '[]')}")
