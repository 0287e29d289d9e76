"""The one door to mutmut's mutation operators. Runs in a process of its own, started by `evaluation.mutants`.

mutmut's Python interface is internal and reads the configuration of the current directory: the version is pinned, and the
process gets a folder with a configuration of its own.

Source: `mutmut.mutation.file_mutation.create_mutations`, mutmut 3.8.1.
"""

from __future__ import annotations

import ast
import json
import random
import sys
import warnings
from typing import Any

from mutmut.mutation.file_mutation import create_mutations

from evaluation.runner.source import focal_node

Asked = dict[str, Any]


def main() -> None:
    """Read a JSON list of requests, write a JSON list of answers in the same order."""
    warnings.simplefilter("ignore")  # a mutant such as `1()` makes the compiler warn
    json.dump([answer(asked) for asked in json.load(sys.stdin)], sys.stdout)


def answer(asked: Asked) -> Asked:
    """Generate and sample the mutants of one function.

    Args:
        asked: `source`, `entry_point`, `sample` (at most that many) and `seed` (a string).

    Returns:
        `mutants` (source, line, description), `generated` (how many there were), `problem` (why there are none, or empty).
    """
    try:
        mutants = _focal_mutants(asked["source"], asked["entry_point"])
    except Exception as error:  # noqa: BLE001 - libcst and mutmut raise many kinds on unusual sources; reported, not dropped
        return {"mutants": [], "generated": 0, "problem": f"mutmut cannot read the function: {type(error).__name__}"}
    rng = random.Random(asked["seed"])  # noqa: S311 - a sample, not a secret
    chosen = sorted(rng.sample(range(len(mutants)), min(asked["sample"], len(mutants))))
    return {"mutants": [mutants[i] for i in chosen], "generated": len(mutants), "problem": ""}


def _focal_mutants(source: str, entry_point: str) -> list[Asked]:
    node = focal_node(source, entry_point)
    module, mutations, _, _ = create_mutations("solution.py", source)
    seen = {source}
    mutants = []
    for mutation in mutations:
        mutated = module.deep_replace(mutation.original_node, mutation.mutated_node).code
        line = _first_difference(source, mutated)
        if mutated in seen or not node.lineno <= line <= (node.end_lineno or line) or not _compiles(mutated):
            continue
        seen.add(mutated)
        mutants.append({"source": mutated, "line": line, "description": _describe(source, mutated, line)})
    return mutants


def _first_difference(before: str, after: str) -> int:
    pairs = zip(before.splitlines(), after.splitlines(), strict=False)
    same = next((index for index, (old, new) in enumerate(pairs) if old != new), None)
    return min(len(before.splitlines()), len(after.splitlines())) if same is None else same + 1


def _describe(before: str, after: str, line: int) -> str:
    old, new = before.splitlines(), after.splitlines()
    return f"{old[line - 1].strip()} -> {new[line - 1].strip() if line <= len(new) else ''}"


def _compiles(source: str) -> bool:
    try:
        compile(ast.parse(source), "solution.py", "exec")
    except (SyntaxError, ValueError):
        return False
    return True
