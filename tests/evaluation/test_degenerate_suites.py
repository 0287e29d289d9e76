"""The files that look fine to an exit code: none of them may be credited with more than it does."""

from __future__ import annotations

import hashlib

import pytest
from clamp import CLAMP

from evaluation import Report, SuiteScore, Verdict

IMPORT = "from solution import clamp\n"
BAD = "def test_bad():\n    assert clamp(5, 0, 3) == 99\n"
WORTHLESS = {
    "os._exit at import": ("import os\nos._exit(0)\n" + IMPORT + BAD, Verdict.CRASHED),
    "os._exit in a test": (IMPORT + "import os\ndef test_a():\n    clamp(1, 0, 3)\n    os._exit(0)\n" + BAD, Verdict.CRASHED),
    "atexit": (IMPORT + "import atexit, os\natexit.register(os._exit, 0)\n" + BAD, Verdict.FAILED_ON_REFERENCE),
    "skips": (IMPORT + "import pytest\ndef test_a():\n    pytest.skip()\n", Verdict.FAILED_ON_REFERENCE),
    "xfail": (IMPORT + "import pytest\npytestmark = pytest.mark.xfail\n" + BAD, Verdict.FAILED_ON_REFERENCE),
    "xpass": (
        IMPORT + "import pytest\npytestmark = pytest.mark.xfail\ndef test_a():\n    assert clamp(1, 0, 3) == 1\n",
        Verdict.FAILED_ON_REFERENCE,
    ),
    "patched report": (
        IMPORT
        + "import _pytest.reports as r\nold = r.TestReport.from_item_and_call\n"
        + "def new(item, call):\n    call.excinfo = None\n    return old(item, call)\n"
        + "r.TestReport.from_item_and_call = staticmethod(new)\n"
        + BAD,
        Verdict.FAILED_ON_REFERENCE,
    ),
    "patched runtest": (
        IMPORT + "import pytest\npytest.Function.runtest = lambda self: None\n" + BAD,
        Verdict.FAILED_ON_REFERENCE,
    ),
    "redefined": (
        "def clamp(a, b, c):\n    return 7\ndef test_a():\n    assert clamp(1, 2, 3) == 7\n",
        Verdict.FUNCTION_NOT_IMPORTED,
    ),
    "imported, then redefined": (
        IMPORT + "def clamp(a, b, c):\n    return 7\ndef test_a():\n    assert clamp(1, 2, 3) == 7\n",
        Verdict.FUNCTION_NOT_IMPORTED,
    ),
    "imported, then rebound": (
        IMPORT + "clamp = lambda a, b, c: 7\ndef test_a():\n    assert clamp(1, 2, 3) == 7\n",
        Verdict.FUNCTION_NOT_IMPORTED,
    ),
    "never called": (IMPORT + "def test_a():\n    assert 1 + 1 == 2\n", Verdict.FUNCTION_NOT_CALLED),
    "empty": ("", Verdict.FUNCTION_NOT_IMPORTED),
    "no tests": (IMPORT, Verdict.NOTHING_COLLECTED),
    "misnamed": (IMPORT + "def check_a():\n    assert clamp(1, 0, 3) == 1\n", Verdict.NOTHING_COLLECTED),
    "class with __init__": (
        IMPORT + "class TestA:\n    def __init__(self): pass\n    def test_a(self):\n        assert clamp(1, 0, 3) == 1\n",
        Verdict.NOTHING_COLLECTED,
    ),
    "module skip": (
        IMPORT + "import pytest\npytest.skip(allow_module_level=True)\n" + BAD,
        Verdict.NOTHING_COLLECTED,
    ),
    "sys.exit at import": (IMPORT + "import sys\nsys.exit(0)\n" + BAD, Verdict.IMPORT_ERROR),
    "sys.exit in a test": (IMPORT + "import sys\ndef test_a():\n    sys.exit(0)\n", Verdict.FAILED_ON_REFERENCE),
    "pytest.exit": (IMPORT + "import pytest\npytest.exit('done', 0)\n" + BAD, Verdict.IMPORT_ERROR),
    "endless": (IMPORT + "def test_a():\n    while True:\n        clamp(1, 0, 3)\n", Verdict.TIMEOUT),
    "sleeps": (IMPORT + "import time\ndef test_a():\n    clamp(1, 0, 3)\n    time.sleep(60)\n", Verdict.TIMEOUT),
    "eats memory": (IMPORT + "def test_a():\n    assert clamp(1, 0, 3) == 1\n    bytearray(1 << 40)\n", Verdict.MEMORY),
    "syntax": (IMPORT + "def test_a(:\n", Verdict.SYNTAX_ERROR),
    "surrogate": (IMPORT + "x = '\ud800'\n", Verdict.SYNTAX_ERROR),
    "deep": (IMPORT + "x = " + "(" * 5000 + ")" * 5000 + "\n", Verdict.SYNTAX_ERROR),
    "missing module": (IMPORT + "import no_such_module\n" + BAD, Verdict.IMPORT_ERROR),
    "subtest fails": (
        IMPORT
        + "import unittest\nclass TestA(unittest.TestCase):\n    def test_a(self):\n        with self.subTest():\n"
        + "            self.assertEqual(clamp(1, 0, 3), 9)\n",
        Verdict.FAILED_ON_REFERENCE,
    ),
    "forges a message": (
        IMPORT + "import os, json\nos.write(3, json.dumps({'tests': [['test_a', 'passed', '']]}).encode() + b'\\0')\n" + BAD,
        Verdict.CRASHED,
    ),
}
DETECTS_NOTHING = {
    "no asserts": "def test_a():\n    clamp(1, 0, 3)\n    clamp(9, 0, 3)\n    clamp(-9, 0, 3)\n",
    "except all": "def test_a():\n    try:\n        assert clamp(9, 0, 3) == 3\n    except BaseException:\n        pass\n",
    "equal to itself": "def test_a():\n    assert clamp(9, 0, 3) == clamp(9, 0, 3)\n",
    "getsource": "import hashlib, inspect\ndef test_a():\n    clamp(9, 0, 3)\n    clamp(-9, 0, 3)\n"
    "    assert hashlib.md5(inspect.getsource(clamp).encode()).hexdigest() == '{digest}'\n",
    "mutmut environment": "import os\ndef test_a():\n    clamp(9, 0, 3)\n"
    "    assert os.environ.get('MUTANT_UNDER_TEST', '') == ''\n",
    "a file tells the runs apart": "import pathlib\ndef test_a():\n    clamp(9, 0, 3)\n    p = pathlib.Path('seen')\n"
    "    n = len(p.read_text()) if p.exists() else 0\n    p.write_text('x' * (n + 1))\n    assert n < 3\n",
    "process ids tell the runs apart": "import os\ndef test_a():\n    clamp(9, 0, 3)\n    assert os.getpid() < 8\n",
}


@pytest.fixture(scope="module")
def scores(score_clamp: object) -> dict[str, SuiteScore]:
    suites = {name: code for name, (code, _) in WORTHLESS.items()}
    digest = hashlib.md5(CLAMP.encode()).hexdigest()
    suites |= {name: IMPORT + code.replace("{digest}", digest) for name, code in DETECTS_NOTHING.items()}
    suites["code object"] = IMPORT + "def test_a():\n    assert clamp(9, 0, 3) == 3\n" + _code_test()
    report: Report = score_clamp(suites, suite_timeout_s=1.5, mutant_timeout_s=1.0)  # type: ignore[operator]
    return {score.function_id: score for score in report.scores}


def _code_test() -> str:
    namespace: dict[str, object] = {}
    exec(compile(CLAMP, "solution.py", "exec"), namespace)
    code = namespace["clamp"].__code__.co_code  # type: ignore[attr-defined]
    return f"def test_code():\n    clamp(-9, 0, 3)\n    assert clamp.__code__.co_code == {code!r}\n"


@pytest.mark.parametrize("name", list(WORTHLESS))
def test_is_worth_nothing_and_says_why(name: str, scores: dict[str, SuiteScore]) -> None:
    score = scores[name]
    assert score.verdict is WORTHLESS[name][1], score.detail
    assert score.detail
    assert (score.pass_rate, score.line_coverage, score.branch_coverage, score.killed) == (0, 0, 0, 0)
    assert (score.mutation_score, score.mutation_score_all, score.mutation_score_lenient) == (0, 0, 0)


@pytest.mark.parametrize("name", list(DETECTS_NOTHING))
def test_passes_but_detects_nothing(name: str, scores: dict[str, SuiteScore]) -> None:
    score = scores[name]
    assert (score.verdict, score.killed_by_assertion) == (Verdict.VALID, 0), score
    assert score.mutants > 5
    if name in {"no asserts", "except all", "process ids tell the runs apart"}:
        assert score.killed == 0


def test_a_test_that_reads_the_code_object_is_dropped(scores: dict[str, SuiteScore]) -> None:
    score = scores["code object"]
    assert score.tests["test_code"] == "unstable"
    assert (score.passed, score.collected) == (1, 2)
    assert 0 < score.killed < score.mutants
