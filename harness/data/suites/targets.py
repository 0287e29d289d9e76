"""Owns the choice of tests that a model is trained to write: short, self-contained, one assertion each. Pure."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from harness.data.suites.oracle import function_text, without_message

MAX_TARGETS = 8
MAX_LINE = 100
"""Characters of the assertion's line, its indentation included."""

# A target may lean on nothing that `from solution import NAME` does not bring; these are what the data sets compare with.
_ALLOWED_CALLS = frozenset(["abs", "bool", "float", "int", "len", "list", "round", "set", "sorted", "str", "sum", "tuple"])


def training_targets(entry_point: str, asserts: Sequence[ast.Assert]) -> tuple[str, ...]:
    """At most `MAX_TARGETS` whole test functions, named ``test_<entry_point>_1`` and up.

    Plain ``NAME(literals) == literal`` comes before tolerances and conversions, short before long; but every distinct
    expected value has its turn before one is repeated, so that a prefix of the result is diverse too.

    Args:
        entry_point: Name of the focal function.
        asserts: Assertions that hold for it and stand alone.
    """
    bare = {ast.unparse(a): a for a in map(without_message, asserts) if _is_target(entry_point, a)}
    ranked = sorted((_plainness(entry_point, a), len(text), text) for text, a in bare.items() if len(text) + 4 <= MAX_LINE)
    fresh: list[str] = []
    again: list[str] = []
    seen: set[str] = set()
    for _, _, text in ranked:
        expected = _expected(bare[text])
        (again if expected in seen else fresh).append(text)
        seen.add(expected)
    chosen = (fresh + again)[:MAX_TARGETS]
    return tuple(function_text(f"test_{entry_point}_{k}", [bare[text]]) for k, text in enumerate(chosen, 1))


def _is_target(entry_point: str, statement: ast.Assert) -> bool:
    """Calls the focal function exactly once (twice would compare it with itself), on literals, and needs nothing else."""
    names = [node for node in ast.walk(statement) if isinstance(node, ast.Name)]
    calls = [node.func.id for node in ast.walk(statement) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    return (
        calls.count(entry_point) == 1
        and {node.id for node in names} <= _ALLOWED_CALLS | {entry_point}
        and len(names) == len(calls)
        and not any(isinstance(node, ast.Lambda | ast.comprehension | ast.JoinedStr) for node in ast.walk(statement))
    )


def _plainness(entry_point: str, statement: ast.Assert) -> int:
    """0 for ``NAME(...) <op> literal``, 1 for all else."""
    test = statement.test
    if not isinstance(test, ast.Compare) or len(test.ops) != 1 or not _is_call(test.left, entry_point):
        return 1
    return int(any(isinstance(node, ast.Call) for node in ast.walk(test.comparators[0])))


def _is_call(node: ast.expr, entry_point: str) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == entry_point


def _expected(statement: ast.Assert) -> str:
    """What the assertion says about the result, as text: its right-hand side, or the shape of a bare `assert f(x)`."""
    test = statement.test
    return ast.unparse(test.comparators[-1]) if isinstance(test, ast.Compare) else type(test).__name__
