from __future__ import annotations

import ast

import pytest
from data_types import Pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.data.suites.convert import importable_suite, targets_of
from harness.data.suites.targets import MAX_LINE, MAX_TARGETS

_SOURCE = """class Stack:
    def __init__(self):
        self.items = []

    def push(self, value):
        self.items.append(value)
        return len(self.items)


def add(a, b):
    if a is None:
        raise ValueError("nothing to add")
    return a + b
"""


def _bodies(body: str, entry_point: str = "add") -> list[str]:
    """Bodies of the targets of a suite, each as lines joined by `; `."""
    suite = f"import pytest\nimport math\nimport random\nfrom solution import {entry_point}\n\n{body}"
    tests = targets_of(suite, entry_point).tests
    return ["; ".join(line.strip() for line in test.splitlines()[1:]) for test in tests]


def _method(*lines: str, before: str = "") -> str:
    inside = "\n".join(f"        {line}" for line in lines)
    return f"class TestAdd(unittest.TestCase):\n{before}    def test_it(self):\n{inside}\n"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["self.assertEqual(add(1, 2), 3, 'msg')"], ["assert add(1, 2) == 3"]),
        (["'''doc'''", "print(1)", "pass", "self.assertTrue(add(True, 0))"], ["assert add(True, 0)"]),
        (["x = add(1, 2)", "self.assertEqual(x, 3)"], ["assert add(1, 2) == 3"]),
        (["a, b = 1, 2", "self.assertEqual(add(a, b), 3)"], ["a, b = (1, 2); assert add(a, b) == 3"]),
        (
            ["x = add(1, 2)", "self.assertEqual(x, 3)", "self.assertIsInstance(x, int)"],
            ["x = add(1, 2); assert x == 3; assert isinstance(x, int)"],
        ),
        (
            ["x = add(1, 0)", "self.assertEqual(x, 1)", "x = add(2, 0)", "self.assertEqual(x, 2)"],
            ["assert add(1, 0) == 1", "assert add(2, 0) == 2"],
        ),
        (
            ["for a, want in [(1, 2), (2, 3)]:", "    with self.subTest(a):", "        self.assertEqual(add(a, 1), want)"],
            ["assert add(1, 1) == 2", "assert add(2, 1) == 3"],
        ),
        (
            ["cases = [([1], 0), ([2], 1)]", "for k, (a, n) in enumerate(cases):", "    self.assertEqual(add(a, []), [k + 1])"],
            ["assert add([1], []) == [0 + 1]", "assert add([2], []) == [1 + 1]"],
        ),
        (
            ["with self.assertRaises(ValueError) as cm:", "    add(None, 1)", "self.assertIn('add', str(cm.exception))"],
            ["with pytest.raises(ValueError) as cm:; add(None, 1); assert 'add' in str(cm.value)"],
        ),
        (["self.assertRaises(ValueError, add, None, 1)"], ["with pytest.raises(ValueError):; add(None, 1)"]),
        (["self.assertAlmostEqual(add(0.1, 0.2), 0.3)"], ["assert round(abs(add(0.1, 0.2) - 0.3), 7) == 0"]),
        (
            ["values = [2]", "add(values, [])", "values.append(3)", "self.assertEqual(add(values, [4]), [2, 3, 4])"],
            ["values = [2]; add(values, []); values.append(3); assert add(values, [4]) == [2, 3, 4]"],
        ),
        (["self.assertEqual(add(1, 2), add(1, 2))"], []),  # compares the function with itself
        (["self.assertIs(add(True, 0), True)"], ["assert add(True, 0) is True"]),
        (["self.assertIs(add(1, 0), 1)"], []),  # Python warns of `is 1`
        (["if True:", "    self.assertEqual(add(1, 0), 1)"], []),
        (["self.assertEqual(1, 1)"], []),
        (["self.helper(add(1, 2))", "self.assertEqual(add(1, 2), 3)"], []),
        (["return self.assertEqual(add(1, 2), 3)"], []),
        (["self.assertEqual(add(random.random(), 0), 1)"], []),
        (["self.assertEqual(unknown(add(1, 2)), 3)"], []),
        ([f"self.assertEqual(add('{'x' * MAX_LINE}', ''), '')"], []),
        (["x = 0", *["x = add(x, 1)"] * 12, "self.assertEqual(x, 12)"], []),
        (["assert add(1, 2) == " + "1 + " * 500 + "1"], []),
    ],
)
def test_what_becomes_of_the_lines_of_a_test(lines: list[str], expected: list[str]) -> None:
    assert _bodies(_method(*lines)) == expected


def test_state_of_the_test_case_is_written_into_the_test() -> None:
    before = "    base = 10\n    def setUp(self):\n        super().setUp()\n        self.one = 1\n        self.add = [1]\n"
    lines = ["self.assertEqual(add(self.base, self.one), 11)", "self.assertEqual(add(self.add, []), [1])"]
    assert _bodies(_method(*lines, before=before)) == ["assert add(10, 1) == 11", "assert add([1], []) == [1]"]


def test_literal_cases_are_spelled_out_and_fixtures_left_out() -> None:
    body = "@pytest.mark.parametrize('a,b', [(1, 2), ([], [3])])\ndef test_add(a, b):\n    assert add(a, a) == b\n"
    body += "@pytest.mark.parametrize('x', [5, pytest.param(6)])\ndef test_more(x):\n    assert add(x, 0) == x\n"
    body += "def test_fixture(tmp_path):\n    assert add(1, 2) == 3\n@skip\ndef test_marked():\n    assert add(1, 2) == 3\n"
    body += "async def test_later():\n    assert add(1, 2) == 3\n"
    assert _bodies(body) == [
        "assert add(1, 1) == 2",
        "assert add(5, 0) == 5",
        "assert add(6, 0) == 6",
        "a = []; assert add(a, a) == [3]",
    ]


def test_constants_of_the_module_come_along_and_imports_are_named() -> None:
    body = (
        "WANT = 3\ndef helper():\n    return 1\ndef test_add():\n    assert add(1, 2) == WANT\n    assert add(1, 1) == helper()\n"
    )
    body += "    assert add(math.inf, 1) == math.inf\n"
    assert _bodies(body) == ["WANT = 3; assert add(1, 2) == WANT", "assert add(math.inf, 1) == math.inf"]
    found = targets_of(f"import math, os\nfrom solution import add\n{body}", "add")
    assert found.imports == ("import math",)


def test_other_names_of_the_solution_are_imported_beside_it() -> None:
    found = targets_of("from solution import add, Stack\ndef test_a():\n    assert add(Stack().push(1), 1) == 2\n", "add")
    assert found.imports == ("from solution import Stack",)


def test_plain_and_short_first_and_every_expected_value_before_one_is_repeated() -> None:
    body = "def test_add():\n    assert add(100, 0) == 100\n    assert add(1, 2) == 3\n    assert add(2, 1) == 3\n"
    body += "    assert len(add('a', 'b')) == 2\n"
    assert _bodies(body) == [
        "assert add(1, 2) == 3",
        "assert add(100, 0) == 100",
        "assert len(add('a', 'b')) == 2",
        "assert add(2, 1) == 3",
    ]


def test_they_are_capped_and_numbered() -> None:
    tests = targets_of(
        "from solution import add\ndef test_a():\n" + "".join(f"    assert add({k}, 0) == {k}\n" for k in range(20)), "add"
    ).tests
    assert [test.split("(")[0] for test in tests] == [f"def test_add_{k}" for k in range(1, MAX_TARGETS + 1)]


def test_methods_have_the_class_in_their_names() -> None:
    found = targets_of("from solution import Stack\ndef test_a():\n    s = Stack()\n    assert s.push(4) == 1\n", "Stack.push")
    assert found.tests == ("def test_Stack_push_1():\n    s = Stack()\n    assert s.push(4) == 1",)


_SMALL = st.integers(-3, 3)
_CHECK = st.one_of(
    st.builds(lambda a, b: f"self.assertEqual(add({a}, {b}), {a + b})", _SMALL, _SMALL),
    st.builds(lambda a, b: f"x = add({a}, {b})\nself.assertEqual(x, {a + b})\nself.assertIn(x, [{a + b}])", _SMALL, _SMALL),
    st.builds(lambda a: f"self.value = add({a}, 1)\nself.assertGreater(self.value, {a})", _SMALL),
    st.builds(lambda a: f"items = [{a}]\nitems.append(add({a}, 0))\nself.assertEqual(items, [{a}, {a}])", _SMALL),
    st.builds(lambda a: f"for k in [1, {a}]:\n    self.assertAlmostEqual(add(k, 0.5), k + 0.5)", _SMALL),
    st.just("with self.assertRaises(ValueError):\n    add(None, 1)"),
    st.just("items = [1]\nself.assertEqual(items.pop(), add(1, 0))\nself.assertEqual(items, [])"),
    st.builds(lambda a: f"self.assertCountEqual(add([{a}], [1]), [1, {a}])", _SMALL),
)


@given(checks=st.lists(_CHECK, min_size=1, max_size=5), shared=_SMALL)
@settings(max_examples=80, deadline=None)
def test_what_passes_as_unittest_passes_as_targets_and_fails_on_a_wrong_function(checks: list[str], shared: int) -> None:
    lines = "\n".join(f"        {line}" for check in checks for line in check.split("\n"))
    code = f"import unittest\nclass TestAdd(unittest.TestCase):\n    def setUp(self):\n        self.s = {shared}\n"
    code += f"    def test_a(self):\n{lines}\n"
    found = targets_of(importable_suite(code, _SOURCE, "add"), "add")
    assert found.tests
    for test in found.tests:
        name = test.split("(")[0].removeprefix("def ")
        right: dict[str, object] = {"pytest": pytest}
        exec(f"{_SOURCE}\n{test}\n{name}()", right)
        wrong = f"{_SOURCE}\ndef add(a, b):\n    return object()\n{test}\n{name}()"
        with pytest.raises((AssertionError, TypeError, pytest.fail.Exception)):
            exec(wrong, {"pytest": pytest})


def test_under_pytest_targets_pass_with_the_imports_they_name(run_pytest: Pytest) -> None:
    body = _method(
        "self.assertRaises(ValueError, add, None, 1)",
        "self.assertAlmostEqual(add(0.1, 0.2), 0.3)",
        "s = Stack()",
        "self.assertEqual(add(s.push(3), 1), 2)",
    )
    found = targets_of(importable_suite(f"import unittest\n{body}", _SOURCE, "add"), "add")
    text = "\n".join([*found.imports, "from solution import add", *found.tests])
    assert ast.parse(text)
    status, output = run_pytest(_SOURCE, text + "\n")
    assert (status, "3 passed" in output) == (0, True), output
