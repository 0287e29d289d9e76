"""A whole harvest of a small checkout, with real tests run by real processes."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from checkout import Harvested, write_checkout
from data_types import Pytest

from harness.core.errors import HarnessError
from harness.data.harvest import open_harvest
from harness.data.prepared.execution import Execution
from harness.data.sources.rows import Accounting, SourceOptions


def test_pairs_are_functions_with_tests_that_name_them(harvested: Harvested) -> None:
    assert sorted(harvested.records) == [
        "shapes.area:one_more_pair",
        "shapes.area:ring",
        "shapes.area:square",
        "shapes.area:titled",
        "shapes.names:clean",
    ]


def test_what_is_left_out_has_a_reason(harvested: Harvested) -> None:
    wanted = {
        "shapes.area:_hidden": "private",
        "shapes.area:in_unit": "a sibling module's name is imported under another name",
        "shapes.area:only_through_others": "no test names it and no example shows it",
        "shapes.area:shown": "a sibling module itself is imported",
        "shapes.units:scale": "no test file that names it ran to its end, and no example shows it",
        "shapes.units:draw": "its tests do not pass twice",
        "src/shapes/broken.py": "cannot be read as Python",
        "src/shapes/tables.py": "generated",
        "src/shapes/_vendor/other.py": "vendored",
    }
    assert {name: harvested.skipped.get(name) for name in wanted} == wanted


def test_suites_pass_again_as_ordinary_pytest_files(harvested: Harvested, run_pytest: Pytest) -> None:
    record = harvested.records["shapes.area:square"]
    assert record.oracle_suite is not None
    status, output = run_pytest(record.source, record.oracle_suite)
    assert status == 0, output
    assert "5 passed" in output  # two cases, the fixture's, two examples


def test_a_test_that_fails_is_taken_out(harvested: Harvested) -> None:
    suite = harvested.records["shapes.area:square"].oracle_suite or ""
    assert "test_squares" in suite
    assert "test_fixture" in suite
    assert "test_wrong" not in suite


def test_examples_become_asserts(harvested: Harvested) -> None:
    suite = harvested.records["shapes.area:square"].oracle_suite or ""
    assert "assert square(3) == 9" in suite
    assert "with pytest.raises(ValueError):\n        square(-1)" in suite


def test_a_checkout_is_cut_out_without_importing_it(harvested: Harvested) -> None:
    for record in harvested.records.values():
        tree = ast.parse(record.source)
        named = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert not any(name is None or name.startswith("shapes") for name in named)
    titled = harvested.records["shapes.area:titled"].source
    assert 'SPACE = " "' in titled
    assert titled.index("def clean") < titled.index("def titled")


def test_decorators_comments_and_helpers_stay(harvested: Harvested) -> None:
    source = harvested.records["shapes.area:ring"].source
    assert "@lru_cache" in source
    assert "# two circles" in source
    assert "def square" in source
    assert "_SEEN" not in source


def test_classes_keep_their_set_up(harvested: Harvested) -> None:
    assert "def setUp" in (harvested.records["shapes.area:ring"].oracle_suite or "")
    assert "def setup_method" in (harvested.records["shapes.area:titled"].oracle_suite or "")


def test_a_hang_and_a_crash_cost_one_file_each(harvested: Harvested) -> None:
    summary = harvested.source.summary()
    assert harvested.skipped["tests/test_hangs.py"] == "a test file that does not end in its time"
    assert harvested.skipped["tests/test_crashes.py"] == "a test file that ends its process"
    assert summary["test_files"] == {"run": 3, "out of time": 1, "died": 1}
    assert summary["pairs"] == 5


def test_tests_write_nothing_outside_and_start_nothing(harvested: Harvested) -> None:
    assert not harvested.outside.exists()
    suite = harvested.records["shapes.names:clean"].oracle_suite or ""
    assert "def test_clean" in suite
    assert not any(name in suite for name in ("test_writes_outside", "test_starts_a_program", "test_reaches_out"))
    assert not list(harvested.folder.rglob("__pycache__"))


def test_origin_licence_and_targets(harvested: Harvested) -> None:
    record = harvested.records["shapes.area:square"]
    assert (record.origin, record.licence) == ("shapes 2.1", "MIT")
    assert any("square(3) == 9" in test for test in record.oracle_tests)


def test_progress_is_told(harvested: Harvested) -> None:
    assert (5, 5) in harvested.told
    assert harvested.told[-1][0] == harvested.told[-1][1]


def test_a_second_time_it_comes_from_the_cache(harvested: Harvested) -> None:
    harvested.told.clear()
    assert len(list(harvested.source.items())) == len(harvested.records) + len(harvested.skipped)
    assert harvested.told == []


def test_its_account_holds_no_times(harvested: Harvested) -> None:
    assert isinstance(harvested.source, Accounting)
    account = harvested.source.account()
    assert {"functions_seen", "test_files", "passing_tests", "losses"} < set(account)
    assert set(harvested.source.summary()) - set(account) == {"seconds"}


def test_it_has_no_rows(harvested: Harvested) -> None:
    assert list(harvested.source.rows()) == []
    assert harvested.source.layout == "harvest"


def test_the_digest_follows_files_and_options(tmp_path: Path) -> None:
    folder = write_checkout(tmp_path / "shapes", tmp_path / "x")

    def digest(options: SourceOptions) -> str:
        return open_harvest("repo", str(folder), options, Execution(), tmp_path).digest()

    first = digest(SourceOptions())
    assert first == digest(SourceOptions())
    assert first != digest(SourceOptions(sample=2))
    (folder / "src/shapes/names.py").write_text("x = 1\n")
    assert first != digest(SourceOptions())


@pytest.mark.parametrize("where", ["no/such/folder", "empty"])
def test_a_folder_without_python_is_said(where: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(HarnessError) as caught:
        open_harvest("repo", str(tmp_path / where), SourceOptions(), Execution(), tmp_path)
    assert where in caught.value.what
