"""Coverage worked out from bare arcs is what coverage.py itself reports for the same run."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from cases import FOLDER

from evaluation import FocalFunction
from evaluation.coverage_map import CoverageMap, Covered, coverage_map, lines_of
from evaluation.runner.source import measurable

DRIVE = """import importlib, sys
sys.path.insert(0, sys.argv[1])
for name, calls in {calls!r}.items():
    try:
        exec(calls, vars(importlib.import_module(name)))
    except AssertionError:
        pass
"""
TRACE = """import json, sys
from pathlib import Path
from evaluation.records import SOLUTION_PATH
from evaluation.runner.measure import Tracer
found = {{}}
for name, calls in {calls!r}.items():
    code = compile(Path(sys.argv[1], name + ".py").read_text("utf-8"), SOLUTION_PATH, "exec")
    tracer, space = Tracer(), {{}}
    tracer.start()
    exec(code, space)
    try:
        exec(calls, space)
    except AssertionError:
        pass
    found[name] = tracer.stop()
print(json.dumps(found))
"""
NUMBERS = range(0, 60, 4)  # of HumanEval


@dataclass(frozen=True, slots=True)
class Function:
    """One to measure."""

    source: str
    name: str
    calls: str


@dataclass(frozen=True, slots=True)
class Measured:
    """What coverage.py reports, and what the arcs of another run add up to."""

    reported: dict[str, float]
    missing: list[int]
    covered: Covered
    map: CoverageMap


def _written() -> dict[str, Function]:
    sections = [part.split("\n", 2) for part in (FOLDER / "covered_functions.txt").read_text("utf-8")[5:].split("\n# %% ")]
    found = {}
    for name, calls, source in sections:
        entry = next(node for node in ast.parse(source).body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))
        found[name] = Function(measurable(source, entry.name), entry.name, calls.removeprefix("# calls: "))
    return found


def _first_check(function: FocalFunction) -> Function:
    """A HumanEval function with the first assert of its official checks, or with no call."""
    checks = [node for node in ast.walk(ast.parse(function.oracle_suite or "")) if isinstance(node, ast.Assert)]
    texts = [ast.unparse(node) for node in sorted(checks, key=lambda node: node.lineno)]
    first = next((text for text in texts if "candidate" in text), "None")
    return Function(function.source, function.entry_point, first.replace("candidate", function.entry_point))


def _measure(functions: dict[str, Function], folder: Path) -> dict[str, Measured]:
    files = {name: f"module_{index}" for index, name in enumerate(functions)}
    for name, function in functions.items():
        (folder / f"{files[name]}.py").write_text(function.source, "utf-8")
    calls = {files[name]: function.calls for name, function in functions.items()}
    (folder / "drive.py").write_text(DRIVE.format(calls=calls), "utf-8")
    tool = [sys.executable, "-m", "coverage"]
    steps = [["run", "--branch", "--include=module_*", "drive.py", "."], ["json", "-q", "-o", "report.json"]]
    for step in steps:
        subprocess.run([*tool, *step], cwd=folder, check=True, capture_output=True)
    report = json.loads((folder / "report.json").read_text("utf-8"))["files"]
    trace = [sys.executable, "-c", TRACE.format(calls=calls), str(folder)]
    shown = subprocess.run(trace, cwd=FOLDER.parents[1], check=True, capture_output=True, text=True).stdout
    arcs = json.loads(shown)
    return {name: _measured(function, report[f"{files[name]}.py"], arcs[files[name]]) for name, function in functions.items()}


def _measured(function: Function, report: dict[str, dict[str, dict[str, dict[str, float]]]], arcs: list[list[int]]) -> Measured:
    regions = [
        region for name, region in report["functions"].items() if name == function.name or name.startswith(f"{function.name}.")
    ]
    names = ("covered_lines", "num_statements", "covered_branches", "num_branches")
    summed = {name: sum(region["summary"][name] for region in regions) for name in names}
    missing = sorted(int(line) for region in regions for line in region["missing_lines"])
    mapped = coverage_map(function.source, function.name)
    return Measured(summed, missing, mapped.measure((a, b) for a, b in arcs), mapped)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Measured]:
    return _measure(_written(), tmp_path_factory.mktemp("written"))


def _agrees(one: Measured) -> None:
    lines = one.reported["covered_lines"] / one.reported["num_statements"] if one.reported["num_statements"] else 0.0
    branches = one.reported["covered_branches"] / one.reported["num_branches"] if one.reported["num_branches"] else lines
    assert (one.covered.lines, one.covered.branches) == (lines, branches)
    assert (len(one.covered.taken), one.map.branch_count) == (one.reported["covered_branches"], one.reported["num_branches"])
    assert list(one.covered.missed) == one.missing
    assert CoverageMap.from_dict(json.loads(json.dumps(one.map.to_dict()))) == one.map


@pytest.mark.parametrize("name", _written())
def test_the_figures_are_those_of_coverage(name: str, measured: dict[str, Measured]) -> None:
    _agrees(measured[name])


def test_the_figures_of_humaneval_functions_are_those_of_coverage(humaneval: dict[str, FocalFunction], tmp_path: Path) -> None:
    functions = {f"{number}": _first_check(humaneval[f"HumanEval/{number}"]) for number in NUMBERS}
    found = _measure(functions, tmp_path)
    for one in found.values():
        _agrees(one)
    assert any(0 < one.covered.branches < 1 for one in found.values())


def test_lines_for_a_person() -> None:
    assert lines_of([3, 5, 4, 9]) == "3-5, 9"
    assert lines_of([]) == ""
