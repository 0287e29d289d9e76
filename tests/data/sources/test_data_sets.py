"""HumanEval and MBPP: what comes out runs under a real pytest. All 164 and all 971 were run once by hand: none failed."""

from __future__ import annotations

import ast
import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import libcst
import pytest
from data_types import Pytest, Python

from harness.core.errors import HarnessError
from harness.core.records import Record
from harness.data.sources.human_eval import HumanEval, data_file
from harness.data.sources.registry import Loaded, load_records
from harness.data.sources.rows import Broken, Row, Skipped
from harness.data.suites.targets import MAX_LINE, MAX_TARGETS

# Helper before the focal function, random loops, variables in check, float tolerances, a bare `print`, self-comparison.
_HUMAN_EVAL_SAMPLE = (0, 4, 10, 32, 33, 38, 53, 129, 151, 162)
# Mixed tabs, set-up code, a focal function with a leading underscore, helper class, plain.
_MBPP_SAMPLE = (2, 51, 367, 521, 798)


def _by_id(loaded: Loaded, identity: str) -> Record:
    return next(record for record in loaded.records if record.id == identity)


def _check_under_pytest(record: Record, run_pytest: Pytest) -> None:
    assert record.oracle_suite is not None
    targets = f"from solution import {record.entry_point}\n\n" + "\n\n".join(record.oracle_tests)
    status, output = run_pytest(record.source, record.oracle_suite, targets)
    assert status == 0, output
    assert f"{record.oracle_suite.count('def test_') + len(record.oracle_tests)} passed" in output


@pytest.mark.parametrize("number", _HUMAN_EVAL_SAMPLE)
def test_human_eval_suites_pass_on_their_own_source(number: int, human_eval: Loaded, run_pytest: Pytest) -> None:
    _check_under_pytest(_by_id(human_eval, f"HumanEval/{number}"), run_pytest)


@pytest.mark.parametrize("number", _MBPP_SAMPLE)
def test_mbpp_suites_pass_on_their_own_source(number: int, mbpp: Loaded, run_pytest: Pytest) -> None:
    _check_under_pytest(_by_id(mbpp, f"MBPP/{number}"), run_pytest)


def test_human_eval_suite_fails_on_a_wrong_source(human_eval: Loaded, run_pytest: Pytest) -> None:
    record = _by_id(human_eval, "HumanEval/53")
    assert record.oracle_suite is not None
    status, _ = run_pytest(record.source.replace("return x + y", "return x - y"), record.oracle_suite)
    assert status == 1


def test_human_eval_is_whole(human_eval: Loaded) -> None:
    assert len(human_eval.records) == 164
    assert human_eval.skipped == ()
    assert human_eval.licence == "MIT"
    assert human_eval.origin.startswith("human-eval ")
    assert [r.id for r in human_eval.records if not r.oracle_tests] == [f"HumanEval/{n}" for n in (32, 38, 50)]


def test_package_and_shared_copy_are_the_same_data(shared_data: Path) -> None:
    shared = gzip.decompress((shared_data / "humaneval" / "HumanEval.jsonl.gz").read_bytes())
    assert gzip.decompress(data_file().read_bytes()).split() == shared.split()


def test_no_candidate_is_left(human_eval: Loaded) -> None:
    for record in human_eval.records:
        texts = (*record.oracle_tests, record.oracle_suite or "")
        names = {node.id for text in texts for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}
        assert "candidate" not in names
        assert record.entry_point in names


def test_mbpp_skips_only_what_pytest_would_collect(mbpp: Loaded) -> None:
    assert len(mbpp.records) == 971
    assert [row.id for row in mbpp.skipped] == ["MBPP/19", "MBPP/46", "MBPP/801"]
    assert all("pytest would collect" in row.reason for row in mbpp.skipped)


def test_mbpp_sources_are_clean(mbpp: Loaded) -> None:
    assert all("\r" not in record.source and record.source.startswith("# ") for record in mbpp.records)
    for number in (51, 159, 264, 327, 521):  # mixed tabs as they come
        libcst.parse_module(_by_id(mbpp, f"MBPP/{number}").source)


@pytest.mark.parametrize("name", ["human_eval", "mbpp"])
def test_targets_keep_their_shape(name: str, request: pytest.FixtureRequest) -> None:
    loaded: Loaded = request.getfixturevalue(name)
    for record in loaded.records:
        assert len(record.oracle_tests) <= MAX_TARGETS
        for k, target in enumerate(record.oracle_tests, 1):
            head, line = target.split("\n")
            assert head == f"def test_{record.entry_point}_{k}():"
            assert line.startswith("    assert ")
            assert len(line) <= MAX_LINE


def test_missing_package_says_how_to_get_it(run_python: Python) -> None:
    code = "from harness.data.sources.human_eval import data_file\ntry: data_file()\n"
    code += "except Exception as e: print(int(e.code), *e.lines(), sep='\\n')"
    done = run_python(code, flags=("-S",))
    assert done.stdout.splitlines()[0] == "3", done.stderr
    assert "pip install 'harness[quickstart]'" in done.stdout


def test_reading_the_data_imports_neither_its_package_nor_torch(run_python: Python) -> None:
    code = "from harness.data.sources.registry import load_records\nload_records('human-eval')\n"
    code += "print(sorted({'human_eval', 'torch'} & set(sys.modules)))"
    assert run_python(code).stdout == "[]\n"


def _mbpp_row(**changes: Any) -> dict[str, Any]:
    code = "def double(x):\r\n\treturn 2 * x"
    row = {"task_id": 7, "text": "Double\n it.", "code": code, "test_setup_code": "", "test_list": ["assert double(2) == 4"]}
    return {**row, **changes}


def _load_row(tmp_path: Path, row: dict[str, Any]) -> Loaded:
    file = tmp_path / "rows.jsonl"
    file.write_text("\n" + json.dumps(row) + "\n")
    return load_records(f"mbpp:{file}")


def test_mbpp_row_becomes_a_record(tmp_path: Path) -> None:
    record = _load_row(tmp_path, _mbpp_row()).records[0]
    assert record.source == "# Double it.\ndef double(x):\n        return 2 * x\n"
    assert record.oracle_tests == ("def test_double_1():\n    assert double(2) == 4",)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"test_list": ["assert triple(2) == 6"]}, "call no function"),
        ({"code": "def test_it(x):\n    return x", "test_list": ["assert test_it(1)"]}, "pytest would collect"),
    ],
)
def test_useless_mbpp_row_is_skipped(tmp_path: Path, changes: dict[str, Any], reason: str) -> None:
    loaded = _load_row(tmp_path, _mbpp_row(**changes))
    assert loaded.records == ()
    assert reason in loaded.skipped[0].reason


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"code": 3}, "code"),
        ({"code": "def double(x) return"}, "code"),
        ({"code": "def double(x):\n    return " + "(" * 10_000}, "code"),
        ({"test_list": "assert True"}, "test_list"),
        ({"test_list": [1]}, "test_list"),
        ({"test_list": ["assert double(1) == 2", "assert ("]}, "test_list.1"),
        ({"test_setup_code": "\0"}, "test_setup_code"),
        ({"task_id": None}, "task_id"),
        ({"task_id": [1]}, "task_id"),
    ],
)
def test_broken_mbpp_row_is_named_and_the_next_one_survives(tmp_path: Path, changes: dict[str, Any], field: str) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text("\n" + json.dumps(_mbpp_row(**changes)) + "\n" + json.dumps(_mbpp_row()) + "\n")
    loaded = load_records(f"mbpp:{file}")
    assert [(row.place, row.field) for row in loaded.broken] == [("rows.jsonl, line 2", field)]
    assert [record.id for record in loaded.records] == ["MBPP/7"]


def test_nothing_but_broken_rows_is_an_error_that_names_the_first(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=r"rows\.jsonl, line 2: broken record"):
        _load_row(tmp_path, _mbpp_row(code=3))


def test_mbpp_is_recognised_without_its_name(tmp_path: Path, mbpp_file: Path) -> None:
    file = tmp_path / "some.jsonl"
    file.write_bytes(b"\n".join(mbpp_file.read_bytes().split(b"\n")[:30]))
    loaded = load_records(f"jsonl:{file}")
    assert loaded == load_records(f"mbpp:{file}")
    assert (loaded.origin, loaded.licence, len(loaded.records)) == ("mbpp", "CC-BY-4.0", 29)


def test_human_eval_is_recognised_in_a_file(human_eval: Loaded, shared_data: Path) -> None:
    loaded = load_records(f"jsonl:{shared_data / 'humaneval' / 'HumanEval.jsonl.gz'}")
    assert [replace(record, origin=human_eval.origin) for record in loaded.records] == list(human_eval.records)
    assert loaded.origin == "HumanEval.jsonl.gz"


_CHECK = "def check(candidate):\n    assert candidate(1) == 1\n"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"test": "assert f(1) == 1"}, "test"),
        ({"test": "def check("}, "test"),
        ({"entry_point": "g"}, "entry_point"),
        ({"canonical_solution": "    return ("}, "canonical_solution"),
        ({"prompt": 3}, "prompt"),
    ],
)
def test_broken_human_eval_row_is_named(changes: dict[str, Any], field: str) -> None:
    row = {"task_id": "H/1", "prompt": "def f(x):\n", "entry_point": "f", "canonical_solution": "    return x\n", "test": _CHECK}
    assert isinstance(HumanEval().read(Row("here", row)), Record)
    item = HumanEval().read(Row("here", {**row, **changes}))
    assert isinstance(item, Broken)
    assert (item.place, item.field) == ("here", field)


def test_check_without_assertion_is_skipped() -> None:
    row = {"task_id": "H/1", "prompt": "def f(x):\n", "entry_point": "f", "canonical_solution": "    return x\n"}
    item = HumanEval().read(Row("here", {**row, "test": "def check(candidate):\n    pass\n"}))
    assert item == Skipped("H/1", "its check asserts nothing about the function")
