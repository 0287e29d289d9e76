from __future__ import annotations

import ast

import pytest
from data_types import Pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.data.suites.convert import only_tests

_SUITE = '''import unittest
import pytest
from solution import f


# a helper
def helper():
    return 1


def test_one():
    assert f() == helper()


def test_two(): assert f() == 1


@pytest.mark.parametrize("x", [1, 2])
def test_cases(x):
    assert f() in (1, x)


@pytest.mark.parametrize("x", range(helper() + 1))
def test_computed(x):
    assert f() == 1


class Base:
    def test_shared(self):
        assert f() == self.want

    def test_other(self):
        assert f() == self.want


class TestA(Base):
    want = 1


class TestB(Base):
    want = 1


class TestC(unittest.TestCase):
    """Only tests."""

    @unittest.skipIf(False, "")
    def test_c(self):
        self.assertEqual(f(), 1)

    def test_d(self):
        self.assertEqual(f(), 1)
'''
_NAMES = [
    "test_one", "test_two", "test_cases[1]", "test_cases[2]", "test_computed[0]", "test_computed[1]", "TestA::test_shared",
    "TestA::test_other", "TestB::test_shared", "TestB::test_other", "TestC::test_c", "TestC::test_d",
]  # fmt: skip


def _kept(keep: list[str], failed: tuple[str, ...] = ()) -> str:
    suite = only_tests(_SUITE, keep, failed)
    assert suite is not None
    return suite


def test_everything_kept_is_the_same_text() -> None:
    assert _kept(_NAMES) == _SUITE


def test_single_functions_and_methods_are_cut_out_and_all_else_stays() -> None:
    suite = _kept(["test_one", "TestC::test_d"])
    assert "# a helper\ndef helper" in suite
    names = [node.name for node in ast.walk(ast.parse(suite)) if isinstance(node, ast.FunctionDef)]
    assert names == ["helper", "test_one", "test_d"]
    assert "skipIf" not in suite


def test_nothing_left_is_none() -> None:
    assert only_tests(_SUITE, []) is None
    assert only_tests(_SUITE, ["test_gone", "TestC::test_gone"]) is None


def test_a_parametrized_test_stays_whole_or_goes() -> None:
    assert "test_cases" in _kept(["test_one", "test_cases[1]", "test_cases[2]"])
    assert "test_cases" not in _kept(["test_one", "test_cases[1]"])
    assert "test_computed" in _kept(["test_one", "test_computed[0]"])
    assert "test_computed" not in _kept(["test_one", "test_computed[0]"], ("test_computed[1]",))


def test_a_class_without_a_test_left_still_parses() -> None:
    assert ast.parse(_kept(["test_one"]))


@given(st.sets(st.sampled_from(_NAMES), min_size=1))
@settings(max_examples=60, deadline=None)
def test_what_is_kept_parses_and_nothing_else_is_left(keep: set[str]) -> None:
    suite = only_tests(_SUITE, keep)
    if suite is not None:
        assert ast.parse(suite)
        assert only_tests(suite, keep) == suite


def test_statements_on_one_line_are_cut_apart() -> None:
    suite = only_tests("class TestA:\n    def test_a(self): pass\n    x = 1; y = 2\n", ["TestA::test_a"])
    assert suite == "class TestA:\n    def test_a(self): pass\n    x = 1; y = 2\n"
    assert (
        only_tests("def test_a(): pass\ndef test_b(): assert '''\n\x0c'''\n", ["test_b"]) == "def test_b(): assert '''\n\x0c'''\n"
    )


def test_a_suite_that_is_not_python_is_an_error() -> None:
    with pytest.raises(SyntaxError):
        only_tests("def test_a(:", ["test_a"])


def test_pytest_runs_exactly_what_was_kept(run_pytest: Pytest) -> None:
    choices = [
        ["test_one", "test_cases[1]", "test_cases[2]"],
        ["TestA::test_shared", "TestB::test_other"],
        ["TestC::test_c"],
        ["TestB::test_shared"],
    ]
    status, output = run_pytest("def f():\n    return 1\n", *(_kept(keep) for keep in choices))
    assert (status, f"{sum(map(len, choices))} passed" in output) == (0, True), output
