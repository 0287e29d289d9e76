"""Every verdict on a suite and on a test can be reached, for the reason that its name says."""

from __future__ import annotations

import json
import marshal
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from types import CodeType

import pytest
from cases import Case, score_all
from clamp import CLAMP

from evaluation import ScoreSettings, SuiteScore, Verdict
from evaluation.mutation.instrument import compiled
from evaluation.records import MutantFate, TestVerdict

Scores = dict[str, SuiteScore]
IMPORT = "from solution import clamp\n"
HONEST = "def test_a():\n    assert clamp(9, 0, 3) == 3\n"
BOX = "class Box:\n    def get(self):\n        return 1\n"


def test_a(line: str) -> str:
    """A suite of one honest test with one more line in it."""
    return f"{IMPORT}import os, random, time\n{HONEST}    {line}\n"


test_a.__test__ = False  # type: ignore[attr-defined]


def _set_order() -> str:
    """How a set of letters is ordered under the first hash seed."""
    environ = {**os.environ, "PYTHONHASHSEED": "0"}
    command = [sys.executable, "-c", "import json; print(json.dumps(list(set('abcdefgh'))))"]
    return subprocess.run(command, env=environ, check=True, capture_output=True, text=True).stdout.strip()


def _instructions() -> bytes:
    """Of the reference as it is run."""
    module: CodeType = marshal.loads(compiled(CLAMP))
    return next(code.co_code for code in module.co_consts if isinstance(code, CodeType))


IN_ORDER = "def test_{0}():\n    seen.append(clamp(9, 0, 3))\n    assert seen == [3] * {0}\n"
LOOKS = f"code = getattr(clamp, '__co' + 'de__'); assert getattr(code, 'c' + 'o_code') == {_instructions()!r}"
SEGFAULT = "__import__('cty' + 'pes').string_at(0)"
ANSWER = json.dumps({"tests": [["test_a", "passed", "", 1]], "ran": True, "rebound": False, "ticks": 1, "arcs": [[-1, 3]]})
REWRITES = "__import__('sys').modules['evaluation.runner.forks'].ENCODE = lambda *_: {!r}"
SUITES: dict[str, tuple[Verdict, str]] = {
    "honest": (Verdict.VALID, IMPORT + HONEST),
    "does not parse": (Verdict.SYNTAX_ERROR, IMPORT + "def test_a(:\n"),
    "too deep": (Verdict.SYNTAX_ERROR, IMPORT + "x = " + "(" * 5000 + ")" * 5000),
    "import fails": (Verdict.IMPORT_ERROR, IMPORT + "import no_such_module\n" + HONEST),
    "exits when imported": (Verdict.IMPORT_ERROR, IMPORT + "raise SystemExit(0)\n" + HONEST),
    "unknown fixture": (Verdict.FAILED_ON_REFERENCE, IMPORT + "def test_a(no_such):\n    assert clamp(9, 0, 3) == 3\n"),
    "wrong parameters": (
        Verdict.IMPORT_ERROR,
        IMPORT + "import pytest\n@pytest.mark.parametrize('x', [1])\n" + HONEST,
    ),
    "not imported": (Verdict.FUNCTION_NOT_IMPORTED, HONEST),
    "defined anew": (Verdict.FUNCTION_NOT_IMPORTED, IMPORT + "def clamp(*_):\n    return 3\n" + HONEST),
    "bound anew": (Verdict.FUNCTION_NOT_IMPORTED, IMPORT + "clamp = lambda *_: 3\n" + HONEST),
    "patched in its module": (Verdict.FUNCTION_NOT_IMPORTED, "import solution\nsolution.clamp = max\n" + HONEST),
    "no test": (Verdict.NOTHING_COLLECTED, IMPORT + "def check_a():\n    assert clamp(9, 0, 3) == 3\n"),
    "skipped as a whole": (Verdict.NOTHING_COLLECTED, IMPORT + "import pytest\npytest.skip('no', allow_module_level=True)\n"),
    "wrong": (Verdict.FAILED_ON_REFERENCE, IMPORT + "def test_a():\n    assert clamp(9, 0, 3) == 4\n"),
    "order of a set": (Verdict.FLAKY, test_a(f"assert list(set('abcdefgh')) == {_set_order()}")),
    "random number": (Verdict.FLAKY, test_a("assert random.random() > 0.5")),
    "depends on the order": (Verdict.FLAKY, IMPORT + "seen = []\n" + "".join(IN_ORDER.format(number) for number in (1, 2))),
    "reads instructions": (Verdict.OVERSPECIFIED, test_a(LOOKS)),
    "no assert": (Verdict.NO_CHECK, IMPORT + "def test_a():\n    clamp(9, 0, 3)\n"),
    "compared with itself": (Verdict.NO_CHECK, IMPORT + "def test_a():\n    assert clamp(9, 0, 3) == clamp(9, 0, 3)\n"),
    "out of memory": (Verdict.MEMORY, test_a("bytearray(4 << 30)")),
    "out of memory at import": (Verdict.MEMORY, f"{IMPORT}x = bytearray(4 << 30)\n{HONEST}"),
    "exits in a test": (Verdict.CRASHED, test_a("os._exit(0)")),
    "exits at import": (Verdict.CRASHED, f"{IMPORT}import os\nos._exit(0)\n{HONEST}"),
    "segmentation fault": (Verdict.CRASHED, test_a(SEGFAULT)),
    "stops pytest": (Verdict.IMPORT_ERROR, f"{IMPORT}import pytest\ndef pytest_generate_tests(): pytest.exit('x')\n{HONEST}"),
    "writes the answer": (Verdict.FORGED, test_a("os.write(3, b'{}\\0')")),
    "rewrites the answer to nonsense": (Verdict.FORGED, test_a(REWRITES.format('{"tests": "all"}'))),
    "rewrites the answer": (Verdict.NO_CHECK, f"{IMPORT}{REWRITES.format(ANSWER)}\n{HONEST}"),
    "says that the function is broken": (Verdict.FORGED, test_a(REWRITES.format('{"solution_error": "broken"}'))),
    "looks outside of tests": (Verdict.FORGED, IMPORT + "CODE = clamp.__code__\n" + HONEST),
    "looks inside of tests": (Verdict.FORGED, test_a("assert clamp.__code__")),
}
ENDLESS = {
    "loops": test_a("while True: pass"),
    "sleeps": test_a("time.sleep(60)"),
    "loops at import": IMPORT + "while True: pass\n",
}
BROKEN = {
    "does not parse": ("def clamp(:\n", "does not parse"),
    "null byte": ("def clamp():\n    return '\0'\n", "does not parse"),
    "no such function": ("def other():\n    pass\n", "no top-level def"),
    "cannot be imported": ("import no_such_module\ndef clamp(*_):\n    return 3\n", "cannot be imported"),
    "raises when imported": ("def clamp(*_):\n    return 3\nclamp()[0]\n", "cannot be imported"),
    "fails its oracle": (CLAMP.replace("return value - above", "return above"), "its own oracle suite"),
}
EVERY_TEST = (
    IMPORT
    + "import pytest, random\n"
    + HONEST.replace("test_a", "test_passed")
    + "def test_failed():\n    assert clamp(9, 0, 3) == 4\n"
    + "def test_returned():\n    return clamp(9, 0, 3) == 3\n"
    + "def test_error():\n    clamp()\n"
    + "@pytest.mark.skip\ndef test_skipped():\n    assert clamp(9, 0, 3) == 3\n"
    + "@pytest.mark.xfail\ndef test_xfailed():\n    assert clamp(9, 0, 3) == 3\n"
    + "def test_memory():\n    assert clamp(9, 0, 3) == 3\n    bytearray(4 << 30)\n"
    + "def test_flaky():\n    assert clamp(9, 0, 3) == 3\n    assert random.random() > 0.5\n"
    + f"def test_overspecified():\n    assert clamp(9, 0, 3) == 3\n    {LOOKS}\n"
    + "def test_no_check():\n    clamp(9, 0, 3)\n"
    + "def test_forbidden():\n    assert clamp(9, 0, 3) == 3\n    assert clamp.__code__\n"
)


@pytest.fixture(scope="module")
def verdict_scores(cache_dir: Path) -> Scores:
    cases = [Case(name, code, CLAMP, "clamp") for name, (_, code) in SUITES.items()]
    cases += [Case(f"broken: {name}", IMPORT + HONEST, source, "clamp", IMPORT + HONEST) for name, (source, _) in BROKEN.items()]
    box = "from solution import Box\ndef test_a():\n    assert isinstance(Box, type)\n"
    cases += [Case("never called", box, BOX, "Box"), Case("missing", None, CLAMP, "clamp")]
    cases += [Case("every test", EVERY_TEST, CLAMP, "clamp")]
    return score_all(cases, ScoreSettings(mutants_per_function=3, cache_dir=cache_dir))[0]


@pytest.fixture(scope="module")
def endless_scores(cache_dir: Path) -> Scores:
    cases = [Case(name, code, CLAMP, "clamp") for name, code in ENDLESS.items()]
    return score_all(cases, ScoreSettings(mutants_per_function=3, suite_timeout_s=1.0, cache_dir=cache_dir))[0]


def _is_worthless(score: SuiteScore) -> bool:
    return not any(asdict(score.figures).values()) and not score.killed and bool(score.detail)


@pytest.mark.parametrize("name", SUITES)
def test_every_verdict(name: str, verdict_scores: Scores) -> None:
    score, expected = verdict_scores[name], SUITES[name][0]
    assert score.verdict is expected, (score.detail, score.tests)
    assert _is_worthless(score) == (expected is not Verdict.VALID)
    assert {mutant.fate for mutant in score.mutants} <= set(MutantFate)
    assert len(score.mutants) == 3


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_function_is_no_fault_of_the_suite(name: str, verdict_scores: Scores) -> None:
    score = verdict_scores[f"broken: {name}"]
    assert (score.verdict, score.mutants, score.ceiling) == (Verdict.FUNCTION_BROKEN, (), None)
    assert BROKEN[name][1] in score.detail


@pytest.mark.parametrize("name", ENDLESS)
def test_an_endless_suite_is_stopped(name: str, endless_scores: Scores) -> None:
    score = endless_scores[name]
    assert (score.verdict, score.detail) == (Verdict.TIMEOUT, "stopped at its limit of 1 s, on the clock or of CPU time")
    assert _is_worthless(score)


def test_the_verdicts_without_a_suite_of_their_own(verdict_scores: Scores) -> None:
    assert verdict_scores["never called"].verdict is Verdict.FUNCTION_NOT_CALLED
    assert verdict_scores["missing"].verdict is Verdict.MISSING
    seen = {score.verdict for score in verdict_scores.values()}
    assert seen | {Verdict.TIMEOUT} == set(Verdict)


def test_every_verdict_on_a_test(verdict_scores: Scores) -> None:
    score = verdict_scores["every test"]
    assert score.tests == {f"test_{verdict}": verdict for verdict in TestVerdict}
    assert (score.verdict, score.passed, score.collected) == (Verdict.VALID, 1, len(TestVerdict))
    assert score.figures.pass_rate == 1 / len(TestVerdict)
    assert {mutant.killer for mutant in score.mutants} <= {"", "test_passed"}
