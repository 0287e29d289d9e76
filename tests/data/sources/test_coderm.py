from __future__ import annotations

import json
import pickle
from typing import Any

import coderm_rows
import pytest
from data_types import Pytest

from harness.core.records import Record
from harness.data.sources.coderm import CodeRm
from harness.data.sources.rows import Broken, Row, Skipped, SourceOptions

_LAYOUT = CodeRm(SourceOptions())
_TRUTH = "def double(x):\n    return 2 * x\n"


def _suite(value: int = 4, name: str = "double") -> str:
    head = "import unittest\nclass TestDouble(unittest.TestCase):\n    def test_it(self):\n"
    return f"{head}        self.assertEqual({name}(2), {value})\n"


def _row(suites: Any, **others: Any) -> Row:
    texts = suites if isinstance(suites, str) else json.dumps(suites)
    values = {"task_id": 7, "question": "Double it. Quickly.", "code_ground_truth": _TRUTH, "unit_tests": texts, **others}
    return Row("rows.jsonl, line 3", values)


def _entry(far: Any, frr: Any, value: int = 4) -> dict[str, Any]:
    return {"ut_id": 0, "code": _suite(value), "FAR": far, "FRR": frr}


def _chosen(*suites: dict[str, Any]) -> str:
    """The value that the chosen suite expects, or why there is none."""
    item = _LAYOUT.read(_row(list(suites)))
    assert isinstance(item, Record | Skipped)
    return item.oracle_tests[0].split()[-1] if isinstance(item, Record) else item.reason


def test_a_row_becomes_a_record_of_its_best_suite() -> None:
    item = _LAYOUT.read(_row([_entry(0.1, 0.1, 5), _entry(0.0, 0.05), _entry(0.0, 0.9, 6)]))
    assert item == Record(
        id="CodeRM/7",
        entry_point="double",
        source=f"# Double it.\n{_TRUTH}",
        oracle_tests=("def test_double_1():\n    assert double(2) == 4",),
        oracle_suite=f"import unittest\nfrom solution import double\n\n\n{_suite().split(chr(10), 1)[1]}",
        origin="",
        licence="unknown",
    )


@pytest.mark.parametrize("row", list(coderm_rows.rows()), ids=lambda row: str(row["task_id"]))
def test_every_row_of_the_fixture_is_usable_without_its_weak_and_wrong_suites(row: dict[str, Any]) -> None:
    item = _LAYOUT.read(Row("row", row))
    assert isinstance(item, Record)
    assert item.entry_point == coderm_rows.FUNCTIONS[row["task_id"]].name
    assert len(item.oracle_tests) >= 1
    assert item.oracle_suite is not None
    assert "no such result" not in item.oracle_suite
    assert "object" not in item.oracle_suite


def test_the_fixture_is_as_large_as_the_real_rows() -> None:
    sizes = [len(row["unit_tests"]) for row in coderm_rows.rows()]
    assert min(sizes) > 17_000
    assert max(sizes) < 40_000


def test_under_pytest_suites_and_targets_of_the_fixture_pass(run_pytest: Pytest) -> None:
    items = [_LAYOUT.read(Row("row", row)) for row in coderm_rows.rows()]
    records = [item for item in items if isinstance(item, Record)]
    suites = [record.oracle_suite or "" for record in records]
    imports = {
        record.entry_point: "\n".join([*record.oracle_imports, f"from solution import {record.entry_point}"])
        for record in records
    }
    suites += ["\n".join([imports[record.entry_point], *record.oracle_tests]) + "\n" for record in records]
    status, output = run_pytest("\n".join(record.source for record in records), *suites)
    assert status == 0, output


@pytest.mark.parametrize(
    ("suites", "expected"),
    [
        ([_entry(0.1, 0.1, 1), _entry(0.05, 0.1, 2), _entry(0.15, 0.0, 3)], "2"),  # 0.15 twice: the first
        ([_entry(0.0, 0.3, 1), _entry(0.2, 0.2, 2)], "2"),  # the better sum is outside of the limits
        ([_entry("0.1", "0.0", 1), _entry("0.05", " 0.0 ", 2)], "2"),
        ([_entry(30, 0, 1), _entry(10, 0, 2)], "2"),  # percent
        ([_entry("30%", "0%", 1), _entry("5%", "0%", 2)], "2"),
        ([_entry("0.9%", "0%", 1), _entry("0.5%", "0%", 2)], "2"),
        ([_entry(0.5, 30, 1), _entry(12, "0.1%", 2)], "2"),  # one above 1: all plain ones are percentages
        ([_entry(-1, 0, 1), _entry(10, 0, 2)], "2"),
        ([_entry(None, 0.0, 1), _entry(0.2, 0.1, 2)], "2"),  # a missing rate counts as 1
        ([_entry("unclear", 0.0, 1), _entry(0.2, 0.1, 2)], "2"),
        ([_entry(float("nan"), 0.0, 1), _entry(True, 0.1, 3), _entry(0.2, 0.1, 2)], "2"),
        ([_entry(0.5, 0.0)], "no suite within FAR 0.2, FRR 0.2: the best has FAR 0.50, FRR 0.00"),
        ([], "no suite within FAR 0.2, FRR 0.2: there is none"),
        (
            [{**_entry(0, 0), "code": "def test(:"}],
            "its best suite cannot be used: the tests: not Python: line 1: invalid syntax",
        ),
        ([{**_entry(0, 0), "code": "def test(:"}, _entry(0.1, 0.1, 2)], "2"),  # the next best one
        (
            [{**_entry(0, 0), "code": "def test_x():\n    assert 1"}],
            "its best suite cannot be used: it uses nothing that the ground truth defines",
        ),
    ],
)
def test_rates_decide(suites: list[dict[str, Any]], expected: str) -> None:
    assert _chosen(*suites) == expected


def test_limits_are_those_of_the_options() -> None:
    strict = CodeRm(SourceOptions(max_far=0.0, max_frr=0.0))
    assert isinstance(strict.read(_row([_entry(0.1, 0.0)])), Skipped)
    assert isinstance(strict.read(_row([_entry(0.0, 0.0)])), Record)
    assert isinstance(CodeRm(SourceOptions(max_far=1, max_frr=1)).read(_row([_entry(None, 0.0)])), Record)


@pytest.mark.parametrize(
    ("row", "field", "found"),
    [
        (_row('[{"code": "x"'), "unit_tests", "`unit_tests` is not JSON: Expecting"),
        (_row("[" * 100_000), "unit_tests", "is not JSON"),
        (_row("7"), "unit_tests", "`unit_tests` is 7"),
        (_row('["code"]'), "unit_tests", "`unit_tests[0]` is 'code'"),
        (_row('[{"FAR": 0}]'), "unit_tests", "`unit_tests[0].code` is None"),
        (_row([], unit_tests=list('[{"code": ""}]')), "unit_tests", "a list of single characters"),
        (_row([], unit_tests=None), "unit_tests", "null"),
        (_row([], task_id=None), "task_id", "null"),
        (_row([], task_id=[1]), "task_id", "`task_id` is [1]"),
        (_row([], code_ground_truth="def f(:"), "code_ground_truth", "`code_ground_truth` is not Python"),
        (_row([], code_ground_truth="x = 1"), "code_ground_truth", "defines no function"),
        (_row([], code_ground_truth=3), "code_ground_truth", "`code_ground_truth` is 3"),
        (Row("rows.jsonl, line 3", {"task_id": 1, "code_ground_truth": _TRUTH}), "unit_tests", "missing"),
    ],
)
def test_a_broken_row_names_its_place_and_field(row: Row, field: str, found: str) -> None:
    item = _LAYOUT.read(row)
    assert isinstance(item, Broken)
    assert (item.place, item.field) == ("rows.jsonl, line 3", field)
    assert found in item.found


def test_a_list_that_a_container_has_decoded_is_read_too() -> None:
    assert isinstance(_LAYOUT.read(_row([], unit_tests=[_entry(0, 0)])), Record)


def test_code_generate_is_not_looked_at() -> None:
    assert isinstance(_LAYOUT.read(_row([_entry(0, 0)], code_generate="[{")), Record)


def test_helpers_and_forgotten_imports_of_the_ground_truth() -> None:
    truth = "def helper(x: List[int]):\n    return x\n\n\ndef double(x):\n    return 2 * helper(math.floor(x))\n"
    item = _LAYOUT.read(_row([_entry(0, 0)], code_ground_truth=truth, question=None))
    assert isinstance(item, Record)
    assert item.entry_point == "double"
    assert item.source.startswith("from typing import List\nimport math\n\n\ndef helper")


def test_the_function_that_the_suite_uses_the_most_is_tested() -> None:
    truth = f"def other(x):\n    return x\n\n\n{_TRUTH}"
    code = _suite() + "        self.assertEqual(double(other(1)), 2)\n"
    item = _LAYOUT.read(_row([{**_entry(0, 0), "code": code}], code_ground_truth=truth))
    assert isinstance(item, Record)
    assert item.entry_point == "double"


def test_a_function_that_pytest_would_collect_is_skipped() -> None:
    suites = [{**_entry(0, 0), "code": _suite(name="test_x")}]
    item = _LAYOUT.read(_row(suites, code_ground_truth="def test_x(x):\n    return 2 * x\n"))
    assert isinstance(item, Skipped)
    assert "collect" in item.reason


def test_carriage_returns_become_line_ends() -> None:
    suites = [{**_entry(0, 0), "code": _suite().replace("\n", "\r\n")}]
    item = _LAYOUT.read(_row(suites, code_ground_truth=_TRUTH.replace("\n", "\r\n")))
    assert isinstance(item, Record)
    assert "\r" not in item.source + (item.oracle_suite or "")


def test_the_layout_knows_its_columns_and_travels_to_other_processes() -> None:
    assert _LAYOUT.matches({"code_ground_truth": str, "unit_tests": str, "task_id": int})
    assert not _LAYOUT.matches({"code": str, "unit_tests": str})
    assert pickle.loads(pickle.dumps(_LAYOUT)) == _LAYOUT
    assert _LAYOUT.name == "coderm"
