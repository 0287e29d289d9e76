from __future__ import annotations

import ast
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.copies.copied import Copies, find_copies
from evaluation.copies.prompt_examples import prompt_examples

PROMPT = "f(1) == 2\nf(2) == 3\nf([1, 2], k=3) returns True\nf('a') -> 0.5\nf([]) => None\nf(0) == False"
EXAMPLES = prompt_examples(PROMPT, "f")
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3) | st.tuples(inner, inner),
    max_leaves=6,
)


def copies(body: str) -> Copies:
    return find_copies(f"from solution import f\n{body}", EXAMPLES, "f")


def in_test(*lines: str) -> str:
    return "\n    ".join(["def test_it():", *lines]) + "\n"


def kept_tests(code: str | None) -> list[str]:
    assert code is not None
    return [node.name for node in ast.walk(ast.parse(code)) if isinstance(node, ast.FunctionDef) and node.name.startswith("test")]


@given(values, values)
def test_any_values_that_a_prompt_shows_are_recognised(argument: object, expected: object) -> None:
    examples = prompt_examples(f"assert f({argument!r}) == {expected!r}", "f")
    found = find_copies(f"def test_it():\n    assert ({expected!r}) == f(  {argument!r},)\n", examples, "f")
    assert found == Copies(1, 1, "")


@pytest.mark.parametrize(
    "line",
    [
        "assert f(1) == 2",
        "assert 2 == f(1), 'why'",
        "assert f(1) == 2.0",
        "assert f([1,2], 3)",
        "assert f([1, 2], k=3) is True",
        "assert f([1, 2], 3) == True",
        "assert not f(0)",
        "assert f(0) is False",
        "assert f([]) is None",
        'assert f("a") == pytest.approx(.5)',
        "assert math.isclose(f('a'), 0.5)",
        "assert abs(f('a') - 0.5) < 1e-6",
        "assert round(f('a'), 2) == 0.50",
        "assert g(1) == 2",
        "assert h(1) == 2",
        "assert s.f(1) == 2",
        "self.assertEqual(f(1), 2)",
        "self.assertEqual(2, f(1), 'why')",
        "self.assertTrue(f([1, 2], 3))",
        "self.assertTrue(f(1) == 2)",
        "self.assertFalse(f(0))",
        "self.assertIs(f(0), False)",
        "self.assertIsNone(f([]))",
        "self.assertAlmostEqual(f('a'), 0.5, places=3)",
        "if True:\n        assert f(1) == 2",
        "with self.subTest():\n        self.assertEqual(f(1), 2)",
        "for _ in range(3):\n        assert f(1) == 2",
        "try:\n        assert f(1) == 2\n    except ValueError:\n        pass",
    ],
)
def test_a_copy_is_seen_through_its_wording(line: str) -> None:
    head = "from solution import f, f as g\nimport solution as s\nh = f\n"
    assert find_copies(head + in_test(line), EXAMPLES, "f") == Copies(1, 1, "")


@pytest.mark.parametrize(
    "lines",
    [
        ["result = f(1)", "assert result == 2"],
        ["result: int = f(1)", "print(result)", "expected = 2", "assert result == expected"],
        ["x, want = 1, 2", "assert f(x) == want"],
        ["x = 1", "want = 2", "x, want = want, x", "x, want = want, x", "assert f(x) == want"],
        ["from solution import f as other", "assert other(1) == 2"],
        ["candidate = f", "assert candidate(1) == 2"],
    ],
)
def test_names_are_followed(lines: list[str]) -> None:
    assert copies(in_test(*lines)) == Copies(1, 1, "")


@pytest.mark.parametrize(
    "lines",
    [
        ["assert f(1) == 3"],
        ["assert f(3) == 2"],
        ["assert f(1) != 2"],
        ["assert not f(1) == 2"],
        ["assert f((1, 2), 3)"],
        ["assert isinstance(f(1), int)"],
        ["assert f(1) == f(1)"],
        ["assert f(1)"],
        ["assert f('$(1)') == 2"],
        ["x = [1]", "x.append(2)", "assert f(x, 3)"],
        ["x = [1]", "x[0:] = [1, 2]", "assert f(x, 3)"],
        ["x = 2", "if f(0):", "    x = 1", "assert f(x) == 2"],
        ["result = f(1)", "result += 0", "assert result == 2"],
        ["x = 1", "for x in range(9):", "    pass", "assert f(x) == 2"],
        ["with pytest.raises(AssertionError):", "    assert f(1) == 2", "assert f(9)"],
    ],
)
def test_what_is_not_a_copy_stays(lines: list[str]) -> None:
    assert copies(in_test(*lines)) == Copies(1, 0, None)


def test_only_the_copied_part_goes() -> None:
    suite = (
        in_test("assert f(1) == 2", "assert f(9) == 2 and f(1) == 2", "assert 1 + 1 == 2")
        + "def test_copy():\n    assert f(2) == 3\n"
    )
    found = copies(suite)
    assert (found.asserts, found.copied) == (4, 3)
    assert found.without == "from solution import f\n\ndef test_it():\n    assert f(9) == 2\n    assert 1 + 1 == 2\n"


@pytest.mark.parametrize("table", ["[(1, 2), (5, 9), (2, 3)]", "[pytest.param(1, 2), (5, 9), (2, 3)]", "CASES"])
@pytest.mark.parametrize("names", ["'x, want'", "['x', 'want']"])
def test_copied_rows_leave_a_parametrized_test(table: str, names: str) -> None:
    suite = f"CASES = ((1, 2), (5, 9), (2, 3))\n@pytest.mark.parametrize({names}, {table}, ids=['a', 'b', 'c'])\n"
    found = copies(suite + "def test_it(x, want):\n    got = f(x)\n    assert got == want\n")
    assert (found.asserts, found.copied) == (3, 2)
    assert found.without is not None
    assert "[(5, 9)])\ndef test_it" in found.without
    assert "ids" not in found.without


def test_a_test_goes_with_its_last_row() -> None:
    marked = "@pytest.mark.parametrize('x', [[], [1]])\n@pytest.mark.slow\ndef test_it(x):\n    assert f(x) is None\n"
    assert copies(marked).copied == 1
    assert copies(marked.replace(", [1]", "")) == Copies(1, 1, "")


def test_a_row_stays_for_what_else_is_checked_with_it() -> None:
    marked = (
        "@pytest.mark.parametrize('x', [1, 2])\ndef test_it(x):\n    assert f(x) == x + 1\n    assert isinstance(f(x), int)\n"
    )
    assert copies(marked) == Copies(4, 0, None)


@pytest.mark.parametrize("loop", ["for x, want in [(1, 2), (5, 9)]:", "for x, want in CASES:"])
def test_copied_rows_leave_a_loop(loop: str) -> None:
    found = copies("CASES = [(1, 2), (5, 9)]\n" + in_test(loop, "    with self.subTest(x=x):", "        assert f(x) == want"))
    assert (found.asserts, found.copied) == (2, 1)
    assert "for (x, want) in [(5, 9)]:" in str(found.without) or "for x, want in [(5, 9)]:" in str(found.without)


def test_classes_and_helpers_are_followed() -> None:
    suite = """
import unittest
def check(candidate):
    assert candidate(1) == 2
def test_check():
    check(f)
class TestCopied(unittest.TestCase):
    def test_gone(self):
        self.assertEqual(f(2), 3)
class TestOwn(unittest.TestCase):
    def setUp(self):
        self.x = 7
    def test_gone(self):
        self.assertEqual(f(2), 3)
    def test_error(self):
        self.assertEqual(f(2), 3)
        with self.assertRaises(ValueError):
            f(None)
    def test_smoke(self):
        f(3)
"""
    found = copies(suite)
    assert (found.asserts, found.copied) == (4, 4)
    assert kept_tests(found.without) == ["test_error", "test_smoke"]
    assert "TestCopied" not in str(found.without)


def test_a_suite_without_a_single_check_left_is_empty() -> None:
    assert copies(in_test("assert f(1) == 2") + "def test_smoke():\n    f(3)\n") == Copies(1, 1, "")


@pytest.mark.parametrize(
    "suite", ["def test_it(:\n", "\0", 'x = "\ud800"', "assert " + "(" * 1000, "assert " + "-" * 100_000 + "1", ""]
)
def test_what_cannot_be_read_has_no_copies(suite: str) -> None:
    assert find_copies(suite, EXAMPLES, "f") == Copies(0, 0, None)


@pytest.mark.parametrize(
    "suite",
    [
        "a = [f]\n" + "a = [a, a, a, a]\n" * 20_000 + "assert f(1) == 2\n",
        "".join(" " * deep + "for x in [1, 2, 3, 4, 5, 6, 7, 8, 9]:\n" for deep in range(18)) + " " * 18 + "assert f(x) == 2\n",
        "".join(f"a{count} = 1\n" for count in range(20_000)) + "def test_it(): pass\n" * 20_000,
    ],
)
def test_a_suite_made_to_cost_time_is_given_up(suite: str) -> None:
    start = time.process_time()
    assert find_copies(suite, EXAMPLES, "f") == Copies(0, 0, None)
    assert time.process_time() - start < 30


simple = st.sampled_from(
    ["assert f(1) == 2", "assert f(4) == 2", "x = f(1)", "assert x == 2", "x, y = f(2), 3", "assert f(x)", "pass"]
)
heads = st.sampled_from(["for x in [1, 2]:", "if f(1):", "with f(1) as x:", "def test_a(x):", "class A:", "while f(0):"])


def indented(head: str, body: list[str]) -> str:
    return "\n".join([head, *(f" {line}" for part in body for line in part.splitlines())])


statements = st.recursive(
    simple, lambda inner: st.builds(indented, heads, st.lists(inner, min_size=1, max_size=4)), max_leaves=12
)


@settings(max_examples=200, deadline=None)
@given(st.lists(statements, max_size=5))
def test_nothing_raises_and_what_comes_back_parses(parts: list[str]) -> None:
    found = copies("\n".join(parts))
    assert 0 <= found.copied <= found.asserts
    assert (found.without is None) == (found.copied == 0)
    assert kept_tests(found.without or "pass") or not found.without
