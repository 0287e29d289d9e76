from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from clamp import CLAMP, Scorer

from evaluation import EvaluationError, FocalFunction, ScoreSettings, Suite, SuiteScore, Verdict, score_suites

GRADE = '''def grade(points, bonus=0):
    """Letter for points out of 100."""
    total = points + bonus
    if total < 0 or total > 100:
        raise ValueError("out of range")
    names = ["A", "B", "C"]
    for index, floor in enumerate([90, 70, 50]):
        if total >= floor:
            return names[index]
    return "F"
'''
GRADE_SUITE = """from solution import grade
import pytest

def test_letters():
    assert grade(95) == "A"
    assert grade(70) == "B"

@pytest.mark.parametrize("points", [-1, 101])
def test_range(points):
    with pytest.raises(ValueError):
        grade(points)

def test_wrong():
    assert grade(10) == "A"
"""


def test_everything_of_one_suite(cache_dir: Path) -> None:
    seen: list[SuiteScore] = []
    settings = ScoreSettings(mutants_per_function=1000, cache_dir=cache_dir)
    report = score_suites([FocalFunction("grade", GRADE, "grade")], [Suite("grade", GRADE_SUITE)], settings, seen.append)
    (score,) = report.scores
    assert seen == [score]
    passing = ("test_letters", "test_range[-1]", "test_range[101]")
    assert score.tests == {**dict.fromkeys(passing, "passed"), "test_wrong": "failed"}
    assert (score.verdict, score.collected, score.passed, score.pass_rate) == (Verdict.VALID, 4, 3, 0.75)
    # 8 statements in the body (the docstring is none), of which `return "F"` is not run by a passing test.
    assert score.line_coverage == pytest.approx(7 / 8)
    # Three decisions with two exits each; the loop never runs to its end.
    assert score.branch_coverage == pytest.approx(5 / 6)
    assert score.killable is None
    assert score.mutation_score == score.mutation_score_all == score.killed / score.mutants
    assert json.loads(json.dumps(report.to_dict()))["metrics"]["pass_rate"] == 0.75


def test_same_mutants_and_verdicts_as_mutmut_itself(tmp_path: Path, cache_dir: Path) -> None:
    suite = GRADE_SUITE.split("def test_wrong")[0]
    settings = ScoreSettings(mutants_per_function=1000, cache_dir=cache_dir)
    (score,) = score_suites([FocalFunction("grade", GRADE, "grade")], [Suite("grade", suite)], settings).scores
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "solution.py").write_text(GRADE, "utf-8")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_grade.py").write_text(suite, "utf-8")
    (tmp_path / "pyproject.toml").write_text('[tool.mutmut]\nsource_paths = ["src"]\n', "utf-8")
    subprocess.run([sys.executable, "-m", "mutmut", "run", "--max-children", "2"], cwd=tmp_path, check=True, capture_output=True)
    shown = subprocess.run(
        [sys.executable, "-m", "mutmut", "results", "--all", "true"], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    states = [line.rsplit(": ", 1)[1] for line in shown.stdout.splitlines() if ": " in line]
    assert len(states) == score.mutants > 20
    assert states.count("killed") == score.killed
    assert len(states) - states.count("killed") == score.survived


def test_oracles_of_humaneval_are_perfect_and_the_report_repeats(humaneval: dict[str, FocalFunction], cache_dir: Path) -> None:
    functions = [humaneval[f"HumanEval/{number}"] for number in (2, 4)]
    suites = [Suite(function.id, function.oracle_suite or "") for function in functions]
    settings = ScoreSettings(mutants_per_function=6, seed=3, cache_dir=cache_dir)
    first = score_suites(functions, suites, settings)
    assert [(score.verdict, score.pass_rate) for score in first.scores] == [(Verdict.VALID, 1.0)] * 2
    assert all(score.mutation_score in {1.0, None} for score in first.scores)
    assert first.aggregate.to_metrics()["pass_rate"] == 1.0
    again = score_suites(functions, suites, ScoreSettings(mutants_per_function=6, seed=3, workers=1))
    assert [score.to_dict() for score in again.scores] == [score.to_dict() for score in first.scores]
    assert again.aggregate == first.aggregate


def test_mutants_that_never_end_or_eat_memory_are_not_killed(cache_dir: Path) -> None:
    source = "def count(limit):\n    n = 0\n    while n < limit:\n        n += 1\n    return n\n"
    suite = "from solution import count\ndef test_a():\n    assert count(3) == 3\n"
    oracle = FocalFunction("count", source, "count", suite)
    (score,) = score_suites([oracle], [Suite("count", suite)], ScoreSettings(mutant_timeout_s=1.0, cache_dir=cache_dir)).scores
    assert score.timeouts >= 1
    assert score.killable == score.killed
    assert (score.mutation_score, score.mutation_score_lenient) == (1.0, 1.0)
    assert score.killed + score.timeouts + score.survived == score.mutants


def test_functions_without_suite_or_mutants_stay_in_the_means(score_clamp: Scorer, cache_dir: Path) -> None:
    tabs = "def tabs(a):\n\tif a:\n\t\treturn 1\n\treturn 0\n"
    mixed = "def mixed(a):\n  if a:\n\t   return 1\n  else:\n     return 0\n"  # Python reads it, libcst does not
    functions = [FocalFunction("no suite", CLAMP, "clamp"), FocalFunction("tabs", tabs, "tabs")]
    functions.append(FocalFunction("one line", "def same(x): return x\n", "same"))
    functions.append(FocalFunction("test name", "def test_even(n):\n    return n % 2 == 0\n", "test_even"))
    functions.append(FocalFunction("mixed", mixed, "mixed"))
    suites = [
        Suite("tabs", "from solution import tabs\ndef test_a():\n    assert tabs(1) == 1\n"),
        Suite("one line", "import solution\ndef test_a():\n    assert solution.same(1) == 1\n"),
        Suite("test name", "from solution import test_even\ndef test_a():\n    assert test_even(2) is True\n"),
        Suite("mixed", "from solution import mixed\ndef test_a():\n    assert mixed(1) == 1\n"),
    ]
    report = score_suites(functions, suites, ScoreSettings(mutants_per_function=4, cache_dir=cache_dir))
    missing, tabbed, line, named, unread = report.scores
    assert (missing.verdict, missing.pass_rate, missing.mutation_score) == (Verdict.MISSING, 0.0, 0.0)
    assert (tabbed.branch_coverage, tabbed.pass_rate) == (0.5, 1.0)
    assert (line.verdict, line.line_coverage, line.branch_coverage) == (Verdict.VALID, 1.0, 1.0)
    assert (named.collected, named.passed, named.killed > 0) == (1, 1, True)
    assert (unread.verdict, unread.mutants, unread.mutation_score) == (Verdict.VALID, 0, None)
    assert "mutmut cannot read" in unread.detail
    assert report.aggregate.means["pass_rate"].n == 5
    assert report.aggregate.means["pass_rate"].mean == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("def other():\n    pass\n", "no top-level def"),
        ("def clamp(:\n", "broken"),
        ("import no_such_module\ndef clamp(v):\n    return v\n", "cannot be imported"),
    ],
)
def test_a_broken_reference_is_an_error_not_a_score(source: str, why: str, cache_dir: Path) -> None:
    suite = Suite("f", "from solution import clamp\ndef test_a():\n    assert clamp(1) == 1\n")
    with pytest.raises(EvaluationError, match=why):
        score_suites([FocalFunction("f", source, "clamp")], [suite], ScoreSettings(mutants_per_function=0, cache_dir=cache_dir))


def test_wrong_input_is_an_error() -> None:
    function = FocalFunction("f", CLAMP, "clamp")
    for functions, suites in (([function, function], []), ([function], [Suite("g", "")]), ([function], [Suite("f", "")] * 2)):
        with pytest.raises(EvaluationError):
            score_suites(functions, suites, ScoreSettings())
    for wrong in ({"sandbox": "docker"}, {"workers": 0}, {"mutant_timeout_s": 0}, {"memory_bytes": 1}):
        with pytest.raises(ValueError, match=r"sandbox|workers|timeouts|memory"):
            ScoreSettings(**wrong)  # type: ignore[arg-type]


def test_two_scorers_share_a_cache(tmp_path: Path) -> None:
    script = (
        "import json, sys\nfrom pathlib import Path\nfrom evaluation import *\n"
        f"f = FocalFunction('f', {CLAMP!r}, 'clamp', {'from solution import clamp' + chr(10)!r} + "
        "'def test_a():\\n    assert clamp(9, 0, 3) == 3\\n')\n"
        "report = score_suites([f], [Suite('f', f.oracle_suite)], ScoreSettings(cache_dir=Path(sys.argv[1])))\n"
        "print(json.dumps(report.to_dict()['scores']))\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    started = [subprocess.Popen(command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    answers = [process.communicate(timeout=60)[0] for process in started]
    assert answers[0] == answers[1]
    assert json.loads(answers[0])[0]["verdict"] == "valid"
    assert len([path for path in tmp_path.rglob("*") if path.suffix == ".json"]) == 2
    for path in tmp_path.rglob("*.json"):
        path.write_text("{half", "utf-8")
    after = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True)
    assert after.stdout == answers[0]
