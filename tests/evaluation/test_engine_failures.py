"""What goes wrong around the suites: dead workers, interruptions, huge and odd input. No process is left behind."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from cases import Case, score_all
from clamp import CLAMP
from own_processes import alive, children

from evaluation import EvaluationError, FocalFunction, ScoreSettings, Suite, SuiteScore, Verdict, score_suites
from evaluation.records import TestVerdict

IMPORT = "from solution import clamp\n"
HONEST = IMPORT + "def test_a():\n    assert clamp(9, 0, 3) == 3\n"
SLEEPING = IMPORT + "import time\ndef test_a():\n    assert clamp(9, 0, 3) == 3\n    time.sleep(50)\n"


class Watch:
    """Remembers every process that this one has below it whenever a suite has been scored.

    Args:
        act: What else to do then.
    """

    def __init__(self, act: Callable[[Watch, SuiteScore], None]) -> None:
        self.seen: set[psutil.Process] = set()
        self.done = 0
        self._act = act

    def __call__(self, score: SuiteScore) -> None:
        self.seen |= set(children(recursive=True))
        self.done += 1
        self._act(self, score)

    def living(self) -> list[psutil.Process]:
        """Those that still run, after a short wait."""
        _, left = psutil.wait_procs(list(self.seen), timeout=5)
        return [process for process in left if alive(process.pid)]


def _score(suites: dict[str, str], watch: Watch, **settings: object) -> dict[str, SuiteScore]:
    functions = [FocalFunction(name, CLAMP, "clamp") for name in suites]
    written = [Suite(name, code) for name, code in suites.items()]
    report = score_suites(functions, written, ScoreSettings(mutants_per_function=2, **settings), watch)  # type: ignore[arg-type]
    return {score.function_id: score for score in report.scores}


def _kill_children(watch: Watch, _: SuiteScore) -> None:
    if watch.done == 1:
        for process in children():
            process.kill()


def test_a_killed_worker_is_replaced(cache_dir: Path) -> None:
    watch = Watch(_kill_children)
    scores = _score({f"{number}": HONEST + f"# {number}\n" for number in range(6)}, watch, workers=1, cache_dir=cache_dir)
    assert watch.done == 6
    # Whatever was under way when its worker died may be lost; what comes after it may not.
    verdicts = [score.verdict for score in scores.values()]
    assert verdicts.count(Verdict.VALID) >= 5
    assert set(verdicts) <= {Verdict.VALID, Verdict.CRASHED}
    assert watch.living() == []


def _interrupt(_: Watch, __: SuiteScore) -> None:
    raise KeyboardInterrupt


def test_an_interruption_ends_every_process_at_once(cache_dir: Path) -> None:
    watch = Watch(_interrupt)
    suites = {"honest": HONEST, **{f"sleeping {number}": SLEEPING + f"# {number}\n" for number in range(3)}}
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        _score(suites, watch, suite_timeout_s=60.0, cache_dir=cache_dir)
    assert time.monotonic() - started < 40
    assert len(watch.seen) >= 2
    assert watch.living() == []
    assert watch.done == 1


def test_nothing_is_left_after_an_ordinary_scoring(cache_dir: Path) -> None:
    watch = Watch(lambda *_: None)
    _score({"honest": HONEST}, watch, cache_dir=cache_dir)
    assert watch.seen
    assert watch.living() == []
    assert psutil.Process().num_fds() < 200


def test_an_error_in_the_caller_comes_out_as_it_is(cache_dir: Path) -> None:
    def refuse(_: Watch, __: SuiteScore) -> None:
        raise EvaluationError("the disk is full")

    with pytest.raises(EvaluationError, match="the disk is full"):
        _score({"honest": HONEST}, Watch(refuse), cache_dir=cache_dir)


ODD = {
    "ten megabytes": (Verdict.SYNTAX_ERROR, IMPORT + "#" * (10 << 20)),
    "half a megabyte": (Verdict.VALID, HONEST + "#" * (1 << 19)),
    "lone surrogate": (Verdict.SYNTAX_ERROR, HONEST + "x = '\ud800'\n"),
    "null byte": (Verdict.SYNTAX_ERROR, HONEST + "\0"),
    "empty": (Verdict.FUNCTION_NOT_IMPORTED, ""),
    "carriage returns": (Verdict.VALID, HONEST.replace("\n", "\r\n")),
    "byte order mark": (Verdict.VALID, "\ufeff" + HONEST),
    "surrogates in a message": (Verdict.FAILED_ON_REFERENCE, HONEST.replace("== 3", "== 4, '\\ud800'")),
    "surrogates in an id": (
        Verdict.VALID,
        IMPORT + "import pytest\n@pytest.mark.parametrize('x', ['\\ud800'])\ndef test_a(x):\n    assert clamp(9, 0, 3) == 3\n",
    ),
    "long message": (Verdict.FAILED_ON_REFERENCE, HONEST.replace("== 3", "== 4, 'x' * 10_000_000")),
    "many tests": (
        Verdict.VALID,
        IMPORT + "import pytest\n@pytest.mark.parametrize('x', range(3000))\ndef test_a(x):\n    assert clamp(9, 0, 3) == 3\n",
    ),
    "an exception that cannot be printed": (
        Verdict.FAILED_ON_REFERENCE,
        IMPORT + "class E(Exception):\n    def __str__(self): raise SystemExit\ndef test_a():\n    raise E(clamp(1, 2, 3))\n",
    ),
}


@pytest.fixture(scope="module")
def odd_scores(cache_dir: Path) -> dict[str, SuiteScore]:
    cases = [Case(name, code, CLAMP, "clamp") for name, (_, code) in ODD.items()]
    return score_all(cases, ScoreSettings(mutants_per_function=2, suite_timeout_s=30.0, cache_dir=cache_dir))[0]


@pytest.mark.parametrize("name", ODD)
def test_odd_suites_get_a_verdict(name: str, odd_scores: dict[str, SuiteScore]) -> None:
    score = odd_scores[name]
    assert score.verdict is ODD[name][0], score.detail
    assert 0 < len(score.detail) < 1000
    score.detail.encode("utf-8")  # what a report prints
    "".join(score.tests).encode("utf-8")
    assert "\n" not in score.detail


def test_many_tests_all_count(odd_scores: dict[str, SuiteScore]) -> None:
    score = odd_scores["many tests"]
    assert (score.collected, score.passed) == (3000, 3000)
    assert set(score.tests.values()) == {TestVerdict.PASSED}


def test_suites_see_nothing_of_this_process(cache_dir: Path) -> None:
    os.environ["HARNESS_TEST_SECRET"] = "x"
    try:
        suite = HONEST + "    import os\n    assert 'HARNESS_TEST_SECRET' not in os.environ\n"
        scores = _score({"f": suite}, Watch(lambda *_: None), cache_dir=cache_dir)
    finally:
        del os.environ["HARNESS_TEST_SECRET"]
    assert scores["f"].valid
