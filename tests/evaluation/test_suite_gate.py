from __future__ import annotations

import pytest

from evaluation import Verdict
from evaluation.runner.gate import Read, Refusal, inspect_suite

IMPORT = "from solution import f\n"


def read(code: str, entry_point: str = "f") -> Read:
    found = inspect_suite(code, entry_point)
    assert isinstance(found, Read), found
    return found


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        ("def test_a(: pass", Verdict.SYNTAX_ERROR),
        ("x = 1\0", Verdict.SYNTAX_ERROR),
        ("x = '\ud800'", Verdict.SYNTAX_ERROR),
        ("return 1", Verdict.SYNTAX_ERROR),
        ("x = " + "(" * 5000 + ")" * 5000, Verdict.SYNTAX_ERROR),
        ("#" * (1 << 20) + "\n" + IMPORT, Verdict.SYNTAX_ERROR),
        ("", Verdict.FUNCTION_NOT_IMPORTED),
        ("def test_a(): assert f(1)", Verdict.FUNCTION_NOT_IMPORTED),
        ("from solution import g", Verdict.FUNCTION_NOT_IMPORTED),
        ("from .solution import f", Verdict.FUNCTION_NOT_IMPORTED),
        ("import solution.f", Verdict.FUNCTION_NOT_IMPORTED),
        (IMPORT + "def f(x): return 1", Verdict.FUNCTION_NOT_IMPORTED),
        (IMPORT + "async def f(x): return 1", Verdict.FUNCTION_NOT_IMPORTED),
        (IMPORT + "class f: pass", Verdict.FUNCTION_NOT_IMPORTED),
        (IMPORT + "x = f.__code__", Verdict.FORGED),
        (IMPORT + "import ctypes", Verdict.FORGED),
        (IMPORT + "from inspect import getsource", Verdict.FORGED),
        (IMPORT + "def test_a(x=f.__globals__): assert f(x)", Verdict.FORGED),
        (IMPORT + "class TestA:\n    code = f.__code__", Verdict.FORGED),
    ],
)
def test_refused(code: str, verdict: Verdict) -> None:
    found = inspect_suite(code, "f")
    assert isinstance(found, Refusal)
    assert found.verdict is verdict
    assert found.detail


@pytest.mark.parametrize(
    "code",
    [
        "from solution import f",
        "from solution import *",
        "import solution",
        "import solution as s",
        "def test_a():\n    from solution import f as g\n    assert g(1)",
        IMPORT + "def test_a():\n    def f(x): return 1\n    assert f(1)",
        IMPORT + "class TestA:\n    def f(self): pass",
        IMPORT + "TEXT = 'ctypes and __code__ in a text'",
    ],
)
def test_let_through(code: str) -> None:
    assert read(code).forbidden == []


def test_a_method_is_imported_with_its_class() -> None:
    assert read("from solution import Stack", "Stack.push").forbidden == []
    assert isinstance(inspect_suite("from solution import push", "Stack.push"), Refusal)


def test_which_functions_look_where_they_must_not() -> None:
    code = IMPORT + (
        "import inspect\n"
        "def helper(x): return x.__code__\n"
        "def outer(x): return helper(x)\n"
        "def test_plain(): assert f(1)\n"
        "def test_code(): assert f.__code__\n"
        "def test_text(): assert getattr(f, '__code__')\n"
        "def test_source(): assert inspect.getsource(f)\n"
        "def test_prefix(): assert x.co_consts\n"
        "def test_helper(): assert outer(f)\n"
        "def test_import():\n    import ctypes\n    assert f(1)\n"
        "class TestA:\n"
        "    def test_frame(self): assert inspect.currentframe().f_back\n"
        "    def test_fine(self): assert f(1)\n"
    )
    guilty = ["helper", "outer", "test_code", "test_frame", "test_helper", "test_import", "test_prefix", "test_source"]
    assert read(code).forbidden == [*guilty, "test_text"]


@pytest.mark.parametrize(
    ("line", "differs"),
    [
        ("import random", True),
        ("from datetime import datetime", False),
        ("import time", True),
        ("x = id(f)", True),
        ("from uuid import uuid4", True),
        ("x = 'random'", False),
        ("x = f(1)", False),
    ],
)
def test_names_that_make_runs_differ_are_noted(line: str, differs: bool) -> None:
    assert read(IMPORT + line).random is differs


def test_modules_imported_at_the_top_are_noted() -> None:
    code = IMPORT + "import json, os.path\nfrom math import pi\nfrom . import x\ndef test_a():\n    import re\n"
    assert read(code).imports == ["json", "os.path", "solution", "math"]
