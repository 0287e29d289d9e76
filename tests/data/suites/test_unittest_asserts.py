from __future__ import annotations

import ast
import re
import unittest
import warnings
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.data.suites.unittest_asserts import plain_check, raises_context

_TWO = [
    "assertEqual", "assertNotEqual", "assertIs", "assertIsNot", "assertGreater", "assertLessEqual", "assertListEqual",
    "assertTupleEqual", "assertDictEqual", "assertSetEqual", "assertSequenceEqual", "assertCountEqual", "assertIn", "assertNotIn",
    "assertAlmostEqual", "assertNotAlmostEqual",
]  # fmt: skip
_ONE = ["assertTrue", "assertFalse", "assertIsNone", "assertIsNotNone"]
_LISTS = st.lists(st.integers(-2, 2), max_size=3)


def _plain(text: str) -> ast.stmt | None:
    call = ast.parse(text, mode="eval").body
    assert isinstance(call, ast.Call)
    return plain_check(call)


def _passes_as_unittest(text: str) -> bool:
    case = unittest.TestCase()
    try:
        eval(text, {"self": case})
    except AssertionError:
        return False
    return True


def _passes_as_written(statement: ast.stmt) -> bool:
    code = ast.unparse(ast.fix_missing_locations(statement))
    try:
        with warnings.catch_warnings(action="ignore"):  # `0 is None` of literals
            exec(code, {"pytest": pytest, "re": re})
    except (AssertionError, pytest.fail.Exception):
        return False
    return True


def _same(name: str, *values: Any, extra: str = "") -> None:
    text = f"self.{name}({', '.join(map(repr, values))}{extra})"
    statement = _plain(text)
    if statement is not None:
        assert _passes_as_written(statement) == _passes_as_unittest(text), text


@pytest.mark.parametrize("name", ["assertListEqual", "assertSequenceEqual", "assertCountEqual", "assertEqual", "assertNotEqual"])
@given(first=_LISTS, second=_LISTS)
@settings(max_examples=40, deadline=None)
def test_lists_pass_and_fail_as_under_unittest(name: str, first: list[int], second: list[int]) -> None:
    _same(name, first, second)
    _same(name, first, sorted(first, reverse=True))


@pytest.mark.parametrize("name", ["assertAlmostEqual", "assertNotAlmostEqual"])
@given(
    first=st.floats(-9, 9),
    change=st.sampled_from([0, 4e-8, 6e-8, 1e-3, -2e-3, 1]),
    extra=st.sampled_from(["", ", 2", ", delta=0.5"]),
)
@settings(max_examples=80, deadline=None)
def test_tolerances_are_those_of_unittest(name: str, first: float, change: float, extra: str) -> None:
    _same(name, first, first + change, extra=extra)


@pytest.mark.parametrize(
    "name", ["assertEqual", "assertNotEqual", "assertGreater", "assertGreaterEqual", "assertLess", "assertLessEqual"]
)
@given(first=st.integers(-3, 3), second=st.integers(-3, 3))
@settings(max_examples=20, deadline=None)
def test_comparisons(name: str, first: int, second: int) -> None:
    _same(name, first, second, extra=", 'message'")
    _same(name, str(first), str(second), extra=", msg='message'")


@pytest.mark.parametrize("name", _ONE)
@given(value=st.sampled_from([None, 0, 1, True, False, "", "a", [], [0], {}]))
def test_one_value(name: str, value: Any) -> None:
    _same(name, value)


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("self.assertIn(1, [1])", True),
        ("self.assertNotIn(1, [1])", False),
        ("self.assertIsInstance(1, int)", True),
        ("self.assertNotIsInstance(1, (int, str))", False),
        ("self.assertRegex('abc', 'b.')", True),
        ("self.assertNotRegex('abc', 'b.')", False),
        ("self.assertRaises(ZeroDivisionError, divmod, 1, 0)", True),
        ("self.assertRaises(ValueError, int, '1', base=10)", False),
        ("self.assertRaises(ValueError, lambda: int('x'))", True),
        ("self.assertRaisesRegex(ValueError, 'lit', int, 'x')", True),
        ("self.assertEqual(first=1, second=2)", False),
        ("self.assertCountEqual([2, 1], [1, 2])", True),
        ("self.assertCountEqual([2, 1], [1, 2, 2])", False),
        ("self.assertDictEqual({1: 2}, {1: 2})", True),
        ("self.assertTupleEqual((1,), (2,))", False),
    ],
)
def test_the_others(text: str, passes: bool) -> None:
    statement = _plain(text)
    assert statement is not None
    assert _passes_as_written(statement) is passes is _passes_as_unittest(text)


@pytest.mark.parametrize(
    "text",
    [
        "self.assertCountEqual(f(), [{1}, {2}])",  # sets have no one order
        "self.assertAlmostEqual(f(), float('inf'))",  # equal to unittest, though the difference is no number
        "self.assertIs(f(), 5)",
        "self.assertEqual(*values)",
        "self.assertEqual(1)",
        "self.assertLogs('x')",
        "self.helper(1)",
        "other.assertEqual(1, 1)",
    ],
)
def test_what_has_no_exact_plain_form_is_left_alone(text: str) -> None:
    assert _plain(text) is None


def test_context_managers() -> None:
    found = raises_context(ast.parse("self.assertRaisesRegex(ValueError, 'x')", mode="eval").body)
    assert found is not None
    assert ast.unparse(found) == "pytest.raises(ValueError, match='x')"
    assert raises_context(ast.parse("self.subTest(1)", mode="eval").body) is None
