from __future__ import annotations

import ast

import pytest
from data_types import Pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.data.suites.convert import SuiteError, importable_suite, targets_of

_SOURCE = """import math
from collections import Counter

LIMIT = 3


class Box:
    def __init__(self, value):
        self.value = value


def helper(x):
    return x


def add(a, b):
    if a is None:
        raise ValueError("nothing to add")
    return a + b
"""
_PASTED = "def add(a, b):\n    return a + b\n\ndef helper(x):\n    return x + 1\n\ndef test_add():\n    assert add(1, 2) == 3\n"


_UNITTEST = """import unittest

class TestAdd(unittest.TestCase):
    def setUp(self):
        self.three = LIMIT

    # the comment stays
    def test_add(self):
        self.assertEqual(add(1, 2), self.three)
        for a in (1, 2):
            with self.subTest(a=a):
                self.assertEqual(add(a, 0), a)
        self.assertTrue(math.isclose(add(0.5, 0), 0.5))

if __name__ == '__main__':
    unittest.main()
"""
_PATCHED = """from unittest.mock import patch

@patch('pkg.mod.helper')
def test_patched(mocked):
    from pkg.mod import add as plus, Box
    assert plus(1, 2) == 3
    assert Box(1).value == 1
"""
_USUAL = """class TestAdd(unittest.TestCase):
    def test_it(self):
        self.assertEqual(Counter(add('a', 'b')), Counter('ab'))
        with pytest.raises(ValueError):
            add(None, defaultdict(int))
"""
_FIXTURES = """from __future__ import annotations
import pytest

@pytest.fixture
def one():
    return 1

@pytest.mark.parametrize('a, b', [(1, 2), (2, 3)])
def test_add(a, b, one):
    assert add(a, one) == b
"""
_STARS = (
    "from math import *\nfrom typing import *\n\ndef test_add():\n    x: List[float] = [sqrt(4)]\n    assert add(x[0], 1) == 3\n"
)
_OWN_HELPER = "def helper(x):\n    return x + 1\n\ndef test_add():\n    assert add(1, 2) == helper(2)\n"
_TRY = "try:\n    from solution import add\nexcept ImportError:\n    from main import add"
_IMPORTED = [
    "from solution import add",
    "from my_module import add",
    "from some.where import add",
    "from .mod import add",
    "from pkg.mod import *",
    "from solution import *",
    "import pkg.mod",
    "import pkg.mod as m",
    _TRY,
]


def _importing(line: str) -> str:
    call = "pkg.mod.add" if line == "import pkg.mod" else "m.add" if line.endswith(" as m") else "add"
    return f"{line}\n\ndef test_add():\n    assert {call}(1, 2) == 3\n"


# How each begins as a suite, and how many tests it holds then.
_CASES = [
    (_UNITTEST, "import math\nimport unittest\nfrom solution import add, LIMIT\n\n\nclass TestAdd", 1),
    (_PASTED, "from solution import add\n\n\ndef test_add():\n    assert add(1, 2) == 3\n", 1),
    (_OWN_HELPER, "from solution import add\n\n\ndef helper(x)", 1),
    (_PATCHED, "from unittest.mock import patch\nfrom solution import add as plus, Box\n\n\n@patch('solution.helper')", 1),
    (_STARS, "from math import sqrt\nfrom typing import List\nfrom solution import add\n", 1),
    (_USUAL, "import pytest\nimport unittest\nfrom collections import Counter\nfrom collections import defaultdict\n", 1),
    (_FIXTURES, "from __future__ import annotations\nimport pytest\nfrom solution import add\n", 2),
    ("assert add(1, 2) == 3\nassert add(1, 1) == 2\nprint('ok')", "from solution import add\n\n\ndef test_add_1():", 2),
    ("x = add(1, 2)\nassert x == 3\nassert x + add(0, 0) == 3", "from solution import add\n\n\ndef test_add_1():\n    x =", 1),
    (
        "def check(candidate):\n    assert candidate(1, 2) == 3\n\ncheck(add)",
        "from solution import add\n\n\ndef test_check():",
        1,
    ),
    (
        "def run():\n    assert add(1, 2) == 3\n\nif __name__ == '__main__':\n    run()",
        "from solution import add\n\n\ndef test_run",
        1,
    ),
    ("a = 1; b = 2\ndef test_add(): assert add(a, b) == 3", "from solution import add\n\n\na = 1\nb = 2\n\n\ndef test_add", 1),
    ("\r\ndef test_add():\r\n\tassert add(1, 2) == 3\r\n", "from solution import add\n\n\ndef test_add():\n\tassert", 1),
    *((_importing(line), "", 1) for line in _IMPORTED),
]


@pytest.mark.parametrize(("code", "start", "count"), _CASES)
def test_a_suite_imports_what_it_needs_and_only_that(code: str, start: str, count: int) -> None:
    suite = importable_suite(code, _SOURCE, "add", ["pkg.mod"])
    assert suite.startswith(start)
    assert "from solution import add" in suite
    assert suite.count("def test_") == max(1, count - (code == _FIXTURES))
    assert all(word not in suite for word in ("*", "pkg", "__main__"))
    assert ("the comment stays" in suite) is ("the comment stays" in code)


def test_under_pytest_they_pass_and_every_one_notices_a_wrong_function(run_pytest: Pytest) -> None:
    suites = [importable_suite(code, _SOURCE, "add", ["pkg.mod"]) for code, _, _ in _CASES]
    status, output = run_pytest(_SOURCE, *suites)
    assert (status, f"{sum(count for _, _, count in _CASES)} passed" in output) == (0, True), output
    status, output = run_pytest(_SOURCE.replace("return a + b", "return None"), *suites)
    failed = {line.split("::")[0] for line in output.splitlines() if line.startswith("FAILED")}
    assert (status, len(failed)) == (1, len(_CASES)), output


def test_names_of_the_package_that_the_slice_lacks_stay_imported() -> None:
    code = "from pkg.mod import add, other\n\ndef test_add():\n    assert add(1, 2) == other(3)\n"
    suite = importable_suite(code, _SOURCE, "add", {"pkg.mod"})
    assert suite.startswith("from pkg.mod import other\nfrom solution import add\n")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("def test_add(:\n", "not Python: line 1"),
        ("def test_add():\n    assert add\0", "null bytes"),
        ("def test_add():\n    add(1, 1)\nreturn 1", "not Python"),
        ("x = 1\n", "holds no test"),
        ("", "holds no test"),
        ("def test_other():\n    assert helper(1) == 1\n", "never use add"),
        ("from .mod import other\ndef test_add():\n    assert add(1, 1) == other\n", "imports other from .mod"),
        ("from solution import gone\ndef test_add():\n    assert add(1, 1) == gone\n", "imports gone from solution"),
        ("import solution\ndef test_add():\n    assert solution.gone(1, 1)\n", "solution.gone"),
        ("x = " + "(" * 5000 + ")" * 5000, "not Python"),
        ("def test_add():\n    assert add(1, 1) == " + "-" * 20000 + "1", "nested too deeply"),
    ],
)
def test_what_cannot_be_a_suite_says_why(code: str, reason: str) -> None:
    with pytest.raises(SuiteError, match=reason):
        importable_suite(code, _SOURCE, "add")


def test_a_broken_function_is_said_as_such() -> None:
    with pytest.raises(SuiteError, match="the function: not Python"):
        importable_suite(_PASTED, "def add(:", "add")


def test_methods_are_tested_through_their_class() -> None:
    code = "def test_box():\n    assert Box(3).value == 3\n"
    suite = importable_suite(code, _SOURCE, "Box.value")
    assert suite.startswith("from solution import Box\n")
    assert targets_of(suite, "Box.value").tests == ("def test_Box_value_1():\n    assert Box(3).value == 3",)


_LINES = st.sampled_from(
    [
        "import unittest",
        "from solution import *",
        "from x.y import add",
        "import x as z",
        "if __name__ == '__main__':\n    main()",
        "def add(a):\n    return a",
        "class TestA(unittest.TestCase):\n    def test_a(self):\n        self.assertEqual(add(1, 2), 3)",
        "def test_b():\n    return z.add(1)",
        "assert add(1, 2)",
        "x = 1; y = 2",
        "@pytest.fixture\ndef f():\n    yield 1",
        "def check(candidate):\n    assert candidate(1) == 2",
        "async def test_c():\n    assert await add(1)",
        "'text'",
        "try:\n    import x\nexcept ImportError:\n    x = None",
        "def test_d():\n    from x.y import add, helper\n    assert add(1)",
        "for i in range(3):\n    assert add(i, i) == 2 * i",
        "\x0c",
        "# comment",
        "class A: pass",
        "lambda: add",
        "del x",
    ]
)


@given(st.lists(_LINES, max_size=6))
@settings(max_examples=200, deadline=None)
def test_whatever_comes_in_a_suite_that_parses_comes_out_or_a_reason(lines: list[str]) -> None:
    try:
        suite = importable_suite("\n".join(lines), _SOURCE, "add", ["x.y", "x"])
    except SuiteError:
        return
    compile(suite, "suite", "exec", dont_inherit=True)
    assert "import *" not in suite
    assert "from solution import add" in suite
    assert importable_suite(suite, _SOURCE, "add") == suite
    for test in targets_of(suite, "add").tests:
        assert ast.parse(test)
