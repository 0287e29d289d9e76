"""Where a code base is, what its licence is, and which tests are paired with which function."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from harness.core.errors import ExitCode, HarnessError
from harness.core.records import Record
from harness.data.harvest import open_harvest
from harness.data.harvest.codebase import find_package, find_repository
from harness.data.harvest.licences import licence_of_text
from harness.data.harvest.modules import Module
from harness.data.harvest.pairing import paired
from harness.data.harvest.tests_of_file import TestFile
from harness.data.harvest.traced_runs import TestId
from harness.data.prepared.execution import Execution
from harness.data.sources.rows import SourceOptions

TESTS = """import pack
from pack.sub import g as renamed
from pack.sub import *

CASES = [1, 2]


def check(x):
    assert x


def test_f():
    check(pack.sub.f(CASES))


def test_g():
    assert renamed(f(1))


class TestF:
    limit = 3

    def setup_method(self):
        self.x = f(self.limit)

    def test_a(self):
        assert self.x

    def test_b(self):
        assert True
"""


@pytest.fixture
def opened() -> TestFile:
    sub = Module("pack.sub", "pack/sub.py", "def f(x):\n    return x\n\n\ndef g(x):\n    return x\n")
    return TestFile(Module("test_sub", "test_sub.py", TESTS), {"pack.sub": sub}, importable=True)


def test_the_licences_of_installed_packages_are_read() -> None:
    bases = [find_package(name) for name in ("toolz", "more_itertools", "boltons")]
    assert [base.licence for base in bases] == ["BSD-3-Clause", "MIT", "BSD-3-Clause"]
    assert all(base.origin.startswith(f"{base.name} ") for base in bases)


@pytest.mark.parametrize(
    ("text", "licence"),
    [
        ("                     Apache License\n               Version 2.0, January 2004", "Apache-2.0"),
        ("Redistribution and use in source and binary forms, with or without", "BSD-2-Clause"),
        ("Do what you like.", "unknown"),
        ("", "unknown"),
    ],
)
def test_a_licence_text_is_recognised(text: str, licence: str) -> None:
    assert licence_of_text(text) == licence


@pytest.mark.parametrize("name", ["no_such_package", "more-itertools", "a.b", "../x"])
def test_a_package_that_is_not_there_is_said(name: str) -> None:
    with pytest.raises(HarnessError) as caught:
        find_package(name)
    assert caught.value.code is ExitCode.ENVIRONMENT
    assert name in caught.value.what


def test_a_package_without_source_is_said() -> None:
    with pytest.raises(HarnessError, match="no Python source"):
        find_package("math")


def test_links_and_hidden_folders_of_a_checkout_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.py").write_text("def f():\n    return 1\n")
    folder = tmp_path / "code"
    (folder / ".venv").mkdir(parents=True)
    (folder / ".venv" / "other.py").write_text("")
    (folder / "a.py").write_text("")
    (folder / "linked").symlink_to(tmp_path / "outside")
    (folder / "secret.py").symlink_to(tmp_path / "outside" / "secret.py")
    assert [path.name for path in find_repository(folder).files] == ["a.py"]


def test_tests_that_name_the_function_and_run_little_else_are_taken(opened: TestFile) -> None:
    file = Path("test_sub.py")
    ids = {name: TestId(file, name) for name in ("test_f[1]", "test_f[2]", "test_g", "TestF::test_a", "TestF::test_b")}
    functions_of = Counter({ids["test_f[1]"]: 1, ids["test_f[2]"]: 1, ids["test_g"]: 5, ids["TestF::test_a"]: 3})
    pair = paired("f", ids.values(), functions_of, lambda _: opened)
    assert pair == (file, ("TestF::test_b", "test_f", "TestF::test_a", "test_g"))
    assert paired("h", ids.values(), functions_of, lambda _: opened) is None
    assert paired("f", ids.values(), functions_of, lambda _: None) is None


def test_a_test_is_cut_out_with_what_it_needs(opened: TestFile) -> None:
    code = opened.cut(["test_f"], "f", {"f"})
    assert code is not None
    tests = "CASES = [1, 2]\n\n\ndef check(x):\n    assert x\n\n\ndef test_f():\n    check(f(CASES))\n"
    assert code == "from pack.sub import f\n" + tests  # by way of the star import


def test_a_star_import_is_written_out(opened: TestFile) -> None:
    code = opened.cut(["test_g"], "f", {"f"})
    assert code is not None
    assert sorted(code.split("\n")[:2]) == ["from pack.sub import f", "from pack.sub import g as renamed"]


def test_a_class_keeps_its_set_up_and_loses_other_tests(opened: TestFile) -> None:
    code = opened.cut(["TestF::test_a"], "f", {"f"})
    assert code is not None
    assert "setup_method" in code
    assert "test_b" not in code
    assert "limit = 3" in code


def test_tests_that_need_the_checkout_itself_are_given_up(opened: TestFile) -> None:
    there = TestFile(opened.module, opened.modules, importable=False)
    assert there.cut(["test_g"], "f", {"f"}) is None
    assert there.cut(["test_f"], "f", {"f"}) is not None


def test_a_real_package_gives_pairs(tmp_path: Path) -> None:
    source = open_harvest("package", "toolz", SourceOptions(sample=6, seed=1), Execution(), tmp_path)
    records = [item for item in source.items() if isinstance(item, Record)]
    assert len(records) >= 4
    assert {record.origin for record in records} == {source.origin}
    assert all("from solution import" in (record.oracle_suite or "") for record in records)
    assert source.summary()["passing_tests"] > 10
