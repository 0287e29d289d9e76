"""Whether the engine has the mutants of `mutmut run` and the same verdict on each. Owns the fields ``parity_*``.

A mutant is identified by the syntax tree of the function that holds it, not by its number.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from benchmarks import evaluation_data as data
from benchmarks.evaluation_bench import WORKERS, Bench, say
from benchmarks.evaluation_commands import CommandFailedError, Project, dump
from benchmarks.evaluation_data import Pair
from evaluation import MutantFate, SuiteScore
from evaluation.bytecode import compiled
from evaluation.mutation.records import Mutant, MutationSettings
from evaluation.mutation.sample import sample
from evaluation.mutation.store import mutants_of

EACH = 31  # functions per data set
SPARE = 2  # candidates per function wanted
NONE = "no such mutant"
OURS = {
    MutantFate.ASSERTED: "killed",
    MutantFate.RAISED: "killed",
    MutantFate.SURVIVED: "survived",
    MutantFate.UNCOVERED: "survived",
    MutantFate.STOPPED: "stopped",
}
THEIRS = {
    "killed": "killed",
    "survived": "survived",
    "no tests": "survived",  # no test calls the function
    "timeout": "stopped",
    "segfault": "stopped",
    "suspicious": "stopped",
}
Row = tuple[str, str, str]  # mutant, our verdict, theirs


def parity(bench: Bench) -> dict[str, Any]:
    """Compare mutant by mutant on functions of both data sets, all tests of whose own suites count."""
    wanted = bench.size(EACH)
    chosen, left_out = [], []
    for pairs in (data.humaneval(), data.mbpp()):
        candidates = data.drawn(pairs, SPARE * wanted)
        usable = bench.usable(candidates, timeouts=True)
        chosen += usable[:wanted]
        left_out += [pair[0].id for pair in candidates if pair not in usable]
    report, _ = bench.score(chosen, bench.settings(None))
    mutants = _mutants(bench, chosen)
    say(f"  {len(chosen)} functions with {sum(map(len, mutants))} mutants; mutmut run ...")
    with ThreadPoolExecutor(WORKERS) as pool:
        rows = list(pool.map(lambda job: _compare(bench, *job), zip(chosen, report.scores, mutants, strict=True)))
    return {**_figures(chosen, rows), "parity_left_out": left_out}


def _figures(chosen: Sequence[Pair], compared: Sequence[list[Row] | str]) -> dict[str, Any]:
    failed = {pair[0].id: found for pair, found in zip(chosen, compared, strict=True) if isinstance(found, str)}
    rows = [
        (pair[0].id, *row) for pair, found in zip(chosen, compared, strict=True) if not isinstance(found, str) for row in found
    ]
    different = [row for row in rows if row[2] != row[3]]
    return {
        "parity_with_mutmut": round(1 - len(different) / len(rows), 6) if rows else None,
        "parity_functions": len(chosen) - len(failed),
        "parity_mutants": len(rows),
        "parity_differences": [dict(zip(("function", "mutant", "ours", "theirs"), row, strict=True)) for row in different],
        "parity_mutmut_failed": failed,
    }


def _mutants(bench: Bench, pairs: Sequence[Pair]) -> list[list[Mutant]]:
    """Every function's mutants in the order of its score's outcomes."""
    settings = bench.settings(None)
    asked = MutationSettings(None, settings.seed, settings.workers, settings.cache_dir, settings.mutation_scope)
    with compiled(settings.cache_dir) as bytecode:
        made = mutants_of([function for function, _ in pairs], asked, bytecode)
    return [sample(one.mutants, None, "") for one in made]


def _compare(bench: Bench, pair: Pair, score: SuiteScore, mutants: list[Mutant]) -> list[Row] | str:
    """One row per mutant of either side, or why mutmut has no verdicts."""
    project = Project.create(bench.folder / "parity", pair)
    try:
        project.run("mutmut", "run", "--max-children", "1")
        statuses = project.statuses()
    except CommandFailedError as error:
        return str(error)
    say(f"  {pair[0].id}: {len(statuses)} mutants")
    codes = project.mutated()
    waiting = [(name, codes.get(name, ""), THEIRS.get(status, status)) for name, status in statuses.items()]
    rows: list[Row] = []
    for mutant, outcome in zip(mutants, score.mutants, strict=True):
        if mutant.beyond_mutmut:
            continue
        wanted = (_mangled(mutant.function), _code(mutant))
        match = next((one for one in waiting if (one[0].partition("__mutmut_")[0], one[1]) == wanted), None)
        if match is None:
            rows.append((mutant.diff, OURS[outcome.fate], NONE))
        else:
            waiting.remove(match)
            rows.append((f"{match[0]}\n{mutant.diff}", OURS[outcome.fate], match[2]))
    return rows + [(name, NONE, status) for name, _, status in waiting]


def _mangled(function: str) -> str:
    """What mutmut calls the variants of ``name`` or ``Class.name``, in front of ``__mutmut_``."""
    owner, _, name = function.rpartition(".")
    return f"xǁ{owner}ǁ{name}" if owner else f"x_{name}"


def _code(mutant: Mutant) -> str:
    """The mutated function as `dump` gives it."""
    body: list[ast.stmt] = ast.parse(mutant.source).body
    *owners, name = mutant.function.split(".")
    for owner in owners:
        body = next(node.body for node in body if isinstance(node, ast.ClassDef) and node.name == owner)
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return next(dump(node) for node in reversed(body) if isinstance(node, kinds) and node.name == name)
