"""Whole scorings: every figure of one suite, parity with mutmut, the ceilings of HumanEval, copies of the prompt, bad input."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from cases import Case, score_all
from clamp import CLAMP

from evaluation import EvaluationError, Figures, FocalFunction, ScoreSettings, Suite, SuiteScore, Verdict, score_suites

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
SHOWN = CLAMP.replace('low..high."""', 'low..high.\n\n    >>> clamp(9, 0, 3)\n    3\n    """')
COPIED = "def test_copied():\n    assert clamp(9, 0, 3) == 3\n"
OWN = "def test_own():\n    assert clamp(-9, 0, 3) == 0\n"
IMPORT = "from solution import clamp\n"


def test_everything_of_one_suite(cache_dir: Path) -> None:
    seen: list[SuiteScore] = []
    settings = ScoreSettings(mutants_per_function=None, cache_dir=cache_dir)
    report = score_suites([FocalFunction("grade", GRADE, "grade")], [Suite("grade", GRADE_SUITE)], settings, seen.append)
    (score,) = report.scores
    figures = score.figures
    assert seen == [score]
    passing = ("test_letters", "test_range[-1]", "test_range[101]")
    assert score.tests == {**dict.fromkeys(passing, "passed"), "test_wrong": "failed"}
    assert (score.verdict, score.collected, score.passed, figures.pass_rate) == (Verdict.VALID, 4, 3, 0.75)
    # 8 statements in the body (the docstring is none), of which `return "F"` is not run by a passing test.
    assert figures.line_coverage == pytest.approx(7 / 8)
    assert score.missed_lines == (10,)
    # Three decisions with two exits each; the loop never runs to its end.
    assert figures.branch_coverage == pytest.approx(5 / 6)
    assert len(score.branches) == 5
    assert "branches" not in score.to_dict()
    assert (score.killable, score.ceiling, score.asserts, score.copied_asserts) == (None, None, 3, 0)
    assert figures.mutation_score == figures.mutation_score_all == score.killed / len(score.mutants)
    assert 0 < score.killed_by_assertion <= score.killed
    assert {mutant.killer for mutant in score.mutants} <= {"", *passing}
    assert all(1 <= mutant.line <= 10 and "@@" in mutant.diff for mutant in score.mutants)
    assert json.loads(json.dumps(report.to_dict()))["metrics"]["pass_rate"] == 0.75


def test_same_mutants_and_verdicts_as_mutmut_itself(tmp_path: Path, cache_dir: Path) -> None:
    suite = GRADE_SUITE.split("def test_wrong")[0]
    settings = ScoreSettings(mutants_per_function=None, mutation_scope="module", cache_dir=cache_dir)
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
    assert len(states) == len(score.mutants) > 20
    assert states.count("killed") == score.killed
    assert len(states) - states.count("killed") == score.survived


def test_oracles_of_humaneval_reach_their_own_ceiling(humaneval: dict[str, FocalFunction], cache_dir: Path) -> None:
    functions = [humaneval[f"HumanEval/{number}"] for number in (2, 4, 8)]
    suites = [Suite(function.id, function.oracle_suite or "") for function in functions]
    report = score_suites(functions, suites, ScoreSettings(mutants_per_function=6, seed=3, cache_dir=cache_dir))
    assert [(score.verdict, score.figures.pass_rate) for score in report.scores] == [(Verdict.VALID, 1.0)] * 3
    assert all(score.figures == score.ceiling for score in report.scores)
    assert set(report.aggregate.of_ceiling.values()) == {1.0}
    metrics = report.aggregate.to_metrics()
    assert metrics["pass_rate"] == metrics["mutation_score"] == metrics["pass_rate_of_ceiling"] == 1.0


def test_functions_without_suite_or_mutants_stay_in_the_means_and_broken_ones_do_not(cache_dir: Path) -> None:
    tabs = "def tabs(a):\n\tif a:\n\t\treturn 1\n\treturn 0\n"
    mixed = "def mixed(a):\n  if a:\n\t   return 1\n  else:\n     return 0\n"  # Python reads it, libcst does not
    cases = [
        Case("no suite", None, CLAMP, "clamp"),
        Case("tabs", "from solution import tabs\ndef test_a():\n    assert tabs(1) == 1\n", tabs, "tabs"),
        Case("mixed", "from solution import mixed\ndef test_a():\n    assert mixed(1) == 1\n", mixed, "mixed"),
        Case("broken", IMPORT + OWN, "def clamp(:\n", "clamp"),
    ]
    scores, report = score_all(cases, ScoreSettings(mutants_per_function=4, cache_dir=cache_dir))
    missing, tabbed, unread = scores["no suite"], scores["tabs"], scores["mixed"]
    assert (missing.verdict, missing.figures.pass_rate, missing.figures.mutation_score) == (Verdict.MISSING, 0.0, 0.0)
    assert (tabbed.figures.branch_coverage, tabbed.figures.pass_rate) == (0.5, 1.0)
    assert (unread.verdict, unread.mutants, unread.figures.mutation_score) == (Verdict.VALID, (), None)
    assert "mutmut cannot read" in unread.detail
    assert scores["broken"].verdict is Verdict.FUNCTION_BROKEN
    assert (report.aggregate.functions, report.aggregate.functions_broken) == (3, 1)
    assert report.aggregate.means["pass_rate"].n == 3
    assert report.aggregate.means["pass_rate"].mean == pytest.approx(2 / 3)
    assert report.aggregate.means["mutation_score"].n == 2


def test_what_the_prompt_shows_is_worth_less(cache_dir: Path) -> None:
    suites = {"both": COPIED + OWN, "copied alone": COPIED, "own alone": OWN}
    cases = [Case(name, IMPORT + suite, SHOWN, "clamp", IMPORT + COPIED + OWN) for name, suite in suites.items()]
    scores, report = score_all(cases, ScoreSettings(mutants_per_function=None, cache_dir=cache_dir))
    both, copied, own = (scores[name] for name in suites)
    assert [(score.asserts, score.copied_asserts) for score in (both, copied, own)] == [(2, 1), (1, 1), (1, 0)]
    assert both.without_copied == own.figures == own.without_copied
    assert (own.figures.mutation_score or 0) < (both.figures.mutation_score or 0) == 1.0
    assert copied.valid
    assert (copied.figures.mutation_score or 0) > 0
    assert copied.without_copied == Figures(0, 0, 0, 0, 0, 0, 0)
    metrics = report.aggregate.to_metrics()
    assert metrics["copied_assert_share"] == 0.5
    assert metrics["pass_rate_without_copied"] == pytest.approx(2 / 3)


def test_wrong_input_is_an_error() -> None:
    function = FocalFunction("f", CLAMP, "clamp")
    for functions, suites in (([function, function], []), ([function], [Suite("g", "")]), ([function], [Suite("f", "")] * 2)):
        with pytest.raises(EvaluationError):
            score_suites(functions, suites, ScoreSettings())
    wrong: list[dict[str, object]] = [{"sandbox": "docker"}, {"workers": 0}, {"mutant_timeout_s": 0}, {"memory_bytes": 1}]
    for values in [*wrong, {"mutation_scope": "all"}, {"mutants_per_function": -1}]:
        with pytest.raises(ValueError, match=r"sandbox|workers|timeouts|memory|mutation_scope"):
            ScoreSettings(**values)  # type: ignore[arg-type]


def test_two_scorers_share_a_cache(tmp_path: Path) -> None:
    script = (
        "import json, sys\nfrom pathlib import Path\nfrom evaluation import *\n"
        f"f = FocalFunction('f', {CLAMP!r}, 'clamp', {IMPORT + OWN!r})\n"
        "report = score_suites([f], [Suite('f', f.oracle_suite)], ScoreSettings(cache_dir=Path(sys.argv[1])))\n"
        "print(json.dumps(report.to_dict()['scores']))\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    started = [subprocess.Popen(command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    answers = [process.communicate(timeout=60)[0] for process in started]
    assert answers[0] == answers[1]
    assert json.loads(answers[0])[0]["verdict"] == "valid"
    kept = sorted(path.relative_to(tmp_path).parts[0] for path in tmp_path.rglob("*.json"))
    assert kept == ["coverage-maps", "findings", "mutants", "variants"]
    assert not [path for path in tmp_path.rglob(".*") if path.is_file()]
