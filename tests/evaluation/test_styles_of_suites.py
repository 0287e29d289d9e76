"""Suites in every style of pytest and unittest are run as pytest runs them, and plain ones alike on both ways."""

from __future__ import annotations

import types
from dataclasses import replace
from pathlib import Path

import pytest
from cases import FOLDER, Case, score_all
from clamp import CLAMP

from evaluation import ScoreSettings, SuiteScore, Verdict
from evaluation.records import TestVerdict
from evaluation.runner.plain import plain_tests

Scores = dict[str, SuiteScore]
IMPORT = "from solution import clamp\n"
# An unused fixture is enough for a suite to be run by pytest.
UNUSED = "\nimport pytest\n\n@pytest.fixture\ndef unused():\n    return 1\n"
PLAIN = {
    "asserts": IMPORT + "def test_a():\n    assert clamp(9, 0, 3) == 3\ndef test_b():\n    assert clamp(-9, 0, 3) == 0\n",
    "every verdict": IMPORT
    + "import pytest, random\n"
    + "seen = []\n"
    + "def test_passes():\n    assert clamp(9, 0, 3) == 3\n"
    + "def test_fails():\n    assert clamp(9, 0, 3) == 4\n"
    + "def test_raises():\n    if clamp(9, 0, 3): raise KeyError('checked')\n"
    + "def test_errs():\n    clamp(9, 0, 3).no_such\n"
    + "def test_skips():\n    pytest.skip('no')\n"
    + "def test_returns():\n    return clamp(9, 0, 3) == 3\n"
    + "def test_xfails():\n    pytest.xfail('expected')\n"
    + "def test_exits():\n    raise SystemExit(0)\n"
    + "def test_interrupts():\n    assert clamp(1, 0, 3) == 1; raise KeyboardInterrupt\n"
    + "def test_flaky():\n    assert clamp(1, 0, 3) == 1 and not seen\n"
    + "def test_spoils():\n    seen.append(clamp(1, 0, 3))\n    assert seen == [1]\n"
    + "def test_checks_nothing():\n    clamp(1, 0, 3)\n",
    "raises in helpers": IMPORT
    + "import pytest\ndef bad():\n    clamp('a', 0, 3)\ndef test_a():\n    pytest.raises(TypeError, bad)\n",
    "import fails": IMPORT + "assert clamp(9, 0, 3) == 4\ndef test_a():\n    assert clamp(9, 0, 3) == 3\n",
    "import checks": IMPORT + "assert clamp(9, 0, 3) == 3\ndef test_a():\n    assert clamp(-9, 0, 3) == 0\n",
    "nothing": IMPORT + "def check_a():\n    assert clamp(9, 0, 3) == 3\n",
}


def _styles() -> list[tuple[str, int, str]]:
    """Name, number of tests, suite."""
    text = (FOLDER / "styles_of_suites.txt").read_text("utf-8").removeprefix("# %% ")
    parts = [section.split("\n", 2) for section in text.split("\n# %% ")]
    return [(name, int(count.removeprefix("# entry: ")), code) for name, count, code in parts]


@pytest.fixture(scope="module")
def style_scores(cache_dir: Path) -> Scores:
    cases = [Case(name, code, CLAMP, "clamp") for name, _, code in _styles()]
    cases += [Case(name, code, CLAMP, "clamp") for name, code in PLAIN.items()]
    cases += [Case(f"{name}, by pytest", code + UNUSED, CLAMP, "clamp") for name, code in PLAIN.items()]
    return score_all(cases, ScoreSettings(mutants_per_function=4, cache_dir=cache_dir))[0]


@pytest.mark.parametrize(("name", "tests"), [pytest.param(name, tests, id=name) for name, tests, _ in _styles()])
def test_every_style_counts(name: str, tests: int, style_scores: Scores) -> None:
    score = style_scores[name]
    assert score.verdict is Verdict.VALID, score.detail
    assert set(score.tests.values()) == {TestVerdict.PASSED}
    assert (score.collected, score.passed) == (tests, tests)
    assert score.killed > 0


@pytest.mark.parametrize("name", PLAIN)
def test_both_ways_of_running_a_suite_agree(name: str, style_scores: Scores) -> None:
    plain, ordinary = style_scores[name], style_scores[f"{name}, by pytest"]
    assert replace(ordinary, function_id=name) == plain


def test_every_way_a_plain_test_ends(style_scores: Scores) -> None:
    assert style_scores["every verdict"].tests == {
        "test_passes": TestVerdict.PASSED,
        "test_fails": TestVerdict.FAILED,
        "test_raises": TestVerdict.FAILED,
        "test_errs": TestVerdict.ERROR,
        "test_skips": TestVerdict.SKIPPED,
        "test_returns": TestVerdict.RETURNED,
        "test_xfails": TestVerdict.XFAILED,
        "test_exits": TestVerdict.FAILED,
        "test_interrupts": TestVerdict.FAILED,
        "test_flaky": TestVerdict.FLAKY,
        "test_spoils": TestVerdict.PASSED,
        "test_checks_nothing": TestVerdict.NO_CHECK,
    }


def _is_plain(code: str) -> bool:
    module = types.ModuleType("test_suite")
    exec(code, module.__dict__)
    return plain_tests(module) is not None


@pytest.mark.parametrize(
    "code",
    [
        "class TestA:\n    def test_a(self): pass",
        "import unittest\nclass Any(unittest.TestCase):\n    def test_a(self): pass",
        "def test_a(tmp_path): pass",
        "def test_a(x=1): pass",
        "def test_a(*args): pass",
        "def test_a(*, x=1): pass",
        "def test_a(): yield",
        "async def test_a(): pass",
        "async def test_a(): yield",
        "import pytest\n@pytest.mark.xfail\ndef test_a(): pass",
        "import pytest\npytestmark = pytest.mark.skip\ndef test_a(): pass",
        "import functools\ndef wrap(f): return functools.wraps(f)(lambda: f())\n@wrap\ndef test_a(): pass",
        "import functools\ntest_a = functools.partial(print)",
        "test_a = lambda x: x",
        "test_a = 1",
        "def setup_module(): pass\ndef test_a(): pass",
        "def setup(): pass\ndef test_a(): pass",
        "def pytest_generate_tests(metafunc): pass\ndef test_a(): pass",
        "__test__ = False\ndef test_a(): pass",
        "def load_tests(*_): pass\ndef test_a(): pass",
        "def test_a(): pass" + UNUSED,
    ],
)
def test_what_is_not_plain_goes_to_pytest(code: str) -> None:
    assert not _is_plain(code)
    assert _is_plain("helper = 1\nclass Helper: pass\ndef check(x): pass\ndef test_a(): check(1)\ntest_b = lambda: None\n")
