from __future__ import annotations

import pytest

from evaluation import Verdict
from evaluation.runner.gate import Refusal, inspect_suite

IMPORT = "from solution import f\n"


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        ("def test_a(: pass", Verdict.SYNTAX_ERROR),
        ("x = 1\0", Verdict.SYNTAX_ERROR),
        ("#" * (1 << 20) + "\n" + IMPORT, Verdict.SYNTAX_ERROR),
        ("def test_a(): assert f(1)", Verdict.FUNCTION_NOT_IMPORTED),
        ("from solution import g", Verdict.FUNCTION_NOT_IMPORTED),
        ("from .solution import f", Verdict.FUNCTION_NOT_IMPORTED),
        (IMPORT + "def test_a():\n    def f(x): return 1\n    assert f(1)", Verdict.FUNCTION_NOT_IMPORTED),
    ],
)
def test_refused(code: str, verdict: Verdict) -> None:
    read = inspect_suite(code, "f")
    assert isinstance(read, Refusal)
    assert read.verdict is verdict
    assert read.detail


@pytest.mark.parametrize(
    "code",
    [
        "from solution import f",
        "from solution import *",
        "import solution",
        "def test_a():\n    from solution import f as g\n    assert g(1)",
    ],
)
def test_ways_to_import(code: str) -> None:
    assert not isinstance(inspect_suite(code, "f"), Refusal)


def test_which_functions_check_nothing() -> None:
    code = IMPORT + (
        "import pytest, unittest\n"
        "def helper(x): assert x\n"
        "def outer(x): helper(x)\n"
        "def test_assert(): assert f(1)\n"
        "def test_helper(): outer(f(1))\n"
        "def test_raises():\n    with pytest.raises(ValueError): f(1)\n"
        "def test_nothing(): f(1)\n"
        "def test_returns(): return f(1) == 2\n"
        "class TestA(unittest.TestCase):\n"
        "    def test_equal(self): self.assertEqual(f(1), 1)\n"
        "    def test_prints(self): print(f(1))\n"
    )
    assert inspect_suite(code, "f") == ["test_nothing", "test_prints", "test_returns"]
