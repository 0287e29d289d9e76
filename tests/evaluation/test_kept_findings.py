"""What the cache keeps changes no score, whether it is whole, corrupt or absent, and whoever asks."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from cases import Case, score_all
from clamp import CLAMP

from evaluation import Report, ScoreSettings, Verdict, score_suites
from evaluation.cache import Cache, key_of
from evaluation.coverage_map import CoverageMap
from evaluation.findings import Findings
from evaluation.mutation.records import MutantSet, Variants

IMPORT = "from solution import clamp\n"
ORACLE = IMPORT + "def test_a():\n    assert clamp(9, 0, 3) == 3\n    assert clamp(-9, 0, 3) == 0\n"
SUITES = {
    "honest": ORACLE,
    "by pytest": ORACLE.replace("test_a()", "test_a(tmp_path)"),
    "partly wrong": ORACLE + "def test_b():\n    assert clamp(1, 0, 3) == 2\n",
    "random": IMPORT + "import random\ndef test_a():\n    x = random.randint(4, 9)\n    assert clamp(x, 0, 3) == 3\n",
    "flaky": IMPORT + "import random\ndef test_a():\n    assert clamp(9, 0, 3) == 3\n    assert random.random() > 0.5\n",
    "no check": IMPORT + "def test_a():\n    clamp(9, 0, 3)\n",
    "crash": IMPORT + "import os\nos._exit(0)\n",
}
CASES = [Case(name, code, CLAMP, "clamp", ORACLE) for name, code in SUITES.items()]
CORRUPT = ["{half", "[]", "null", "3", "{}", '{"verdict": "won", "tests": {}}']


def _score(cache_dir: Path | None, workers: int = 2) -> Report:
    return score_all(CASES, ScoreSettings(mutants_per_function=4, cache_dir=cache_dir, workers=workers))[1]


def _runs(seconds: Mapping[str, Sequence[float]]) -> dict[str, int]:
    return {stage: len(taken) for stage, taken in seconds.items()}


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Report]:
    folder = tmp_path_factory.mktemp("kept")
    return folder, _score(folder)


def test_reports_repeat_to_the_bit(filled: tuple[Path, Report]) -> None:
    assert _score(None, workers=1).to_dict() == filled[1].to_dict()
    assert {score.verdict for score in filled[1].scores} >= {Verdict.VALID, Verdict.FLAKY, Verdict.NO_CHECK, Verdict.CRASHED}


def test_a_second_scoring_runs_what_may_end_otherwise_and_nothing_more(filled: tuple[Path, Report]) -> None:
    folder, first = filled
    again = _score(folder)
    assert again == first
    control = _runs(score_suites([], [], ScoreSettings(cache_dir=folder)).seconds)
    crash = {**control, "reference": control["reference"] + 1}
    assert _runs(again.seconds) == crash
    assert sum(_runs(first.seconds).values()) > 2 * sum(crash.values())


@pytest.mark.parametrize("text", CORRUPT)
@pytest.mark.parametrize("decode", [Findings.from_dict, CoverageMap.from_dict, MutantSet.from_dict, Variants.from_dict])
def test_a_corrupt_entry_counts_as_absent(decode: Callable[[Any], object], text: str, tmp_path: Path) -> None:
    store, key = Cache(tmp_path), key_of(text)
    store.put("kind", key, 1)
    (entry,) = tmp_path.rglob("*.json")
    entry.write_text(text, "utf-8")
    assert store.read("kind", key, decode) is None


def test_a_corrupt_cache_changes_no_score(filled: tuple[Path, Report], tmp_path: Path) -> None:
    folder, first = filled
    shutil.copytree(folder, tmp_path / "copy")
    entries = list((tmp_path / "copy").rglob("*.json"))
    assert {path.parents[1].name for path in entries} == {"findings", "coverage-maps", "mutants", "variants"}
    for path in entries:
        path.write_text("[]", "utf-8")
    settings = ScoreSettings(mutants_per_function=4, cache_dir=tmp_path / "copy")
    assert score_all(CASES[:1], settings)[0]["honest"] == first.scores[0]


def test_other_settings_are_other_entries(filled: tuple[Path, Report]) -> None:
    folder, first = filled
    other = score_all(CASES[:1], ScoreSettings(mutants_per_function=3, cache_dir=folder))[0]["honest"]
    assert len(other.mutants) == 3 < len(first.scores[0].mutants)
