from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from clamp import CLAMP, Scorer

from evaluation import FocalFunction, Report, ScoreSettings, Suite, score_suites
from evaluation.sandbox import Level, probe
from evaluation.sandbox.launch import Fence


@pytest.fixture(scope="session")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mutant-cache")


@pytest.fixture(scope="session")
def score_clamp(cache_dir: Path) -> Scorer:
    """Score many suites for the same small function; each gets `from solution import clamp` unless it says otherwise."""

    def score(suites: Mapping[str, str], **settings: object) -> Report:
        functions = [FocalFunction(name, CLAMP, "clamp") for name in suites]
        written = [Suite(name, code) for name, code in suites.items()]
        return score_suites(functions, written, ScoreSettings(cache_dir=cache_dir, **settings))  # type: ignore[arg-type]

    return score


@pytest.fixture(params=list(Level))
def level(request: pytest.FixtureRequest) -> Level:
    reason = probe(Fence(request.param))
    if reason is not None:
        pytest.skip(f"{request.param} does not work here: {reason}")
    return request.param


@pytest.fixture(scope="session")
def humaneval() -> dict[str, FocalFunction]:
    """The first functions of HumanEval with their official checks as oracle suites."""
    root = Path(os.environ.get("HARNESS_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))
    file = root / "humaneval" / "HumanEval.jsonl.gz"
    if not file.exists():
        pytest.skip("HumanEval is not here: set HARNESS_SHARED_DATA")
    found = {}
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            name = row["entry_point"]
            suite = f"from solution import {name}\n{row['test']}\ndef test_check():\n    check({name})\n"
            found[row["task_id"]] = FocalFunction(row["task_id"], row["prompt"] + row["canonical_solution"], name, suite)
    return found


def living(mark: str) -> list[int]:
    """Processes whose command line holds `mark`."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return found


@pytest.fixture(name="living")
def living_fixture() -> Callable[[str], list[int]]:
    return living
