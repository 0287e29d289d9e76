"""Owns the guess at what a text of tests is: a pytest or unittest file, bare asserts, or HumanEval's `check`. Pure.

Making an importable pytest file of any of them is `harness.data.suites.convert`'s.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Sequence

from harness.data.suites.convert import importable_suite
from harness.data.suites.syntax import parse

UNPARSABLE = (SyntaxError, ValueError, RecursionError, MemoryError)
"""What parsing a stranger's text may raise; ValueError: null bytes."""
_FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef


def tree_of(text: str) -> ast.Module | None:
    """The syntax tree, or None where the text is not Python."""
    try:
        return parse(text)
    except UNPARSABLE:
        return None


def focal_names(tree: ast.Module) -> list[str]:
    """What may be the function under test: public functions in order, then methods as ``Class.method``, then the private ones."""
    functions = [n.name for n in tree.body if isinstance(n, _FUNCTIONS) and not is_test_name(n.name)]
    classes = [n for n in tree.body if isinstance(n, ast.ClassDef) and not is_test_class(n)]
    methods = [f"{c.name}.{n.name}" for c in classes for n in c.body if isinstance(n, _FUNCTIONS) and n.name[:2] != "__"]
    return sorted([*functions, *methods], key=lambda name: (name.startswith("_"), "." in name))


def is_test_name(name: str) -> bool:
    """What pytest collects by default."""
    return name.startswith("test")


def is_test_class(node: ast.ClassDef) -> bool:
    """A pytest class, or one that derives from unittest's."""
    return node.name.startswith("Test") or any("TestCase" in ast.unparse(base) for base in node.bases)


def has_tests(tree: ast.Module) -> bool:
    """Whether pytest would find anything, or there are asserts to make tests of."""
    return _has_test_items(tree) or check_of(tree) is not None or bool(_asserts(tree))


def _has_test_items(tree: ast.Module) -> bool:
    return any(
        (isinstance(n, _FUNCTIONS) and is_test_name(n.name)) or (isinstance(n, ast.ClassDef) and is_test_class(n))
        for n in tree.body
    )


def check_of(tree: ast.Module) -> ast.FunctionDef | None:
    """HumanEval's ``def check(candidate)``, or None."""
    found = (n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == "check" and len(n.args.args) == 1)
    return next(found, None)


def _asserts(tree: ast.Module) -> list[ast.stmt]:
    return [n for n in tree.body if isinstance(n, ast.Assert)]


def called(tree: ast.AST) -> Counter[str]:
    """Names and attributes that are called -> how often."""
    return Counter(name for node in ast.walk(tree) if isinstance(node, ast.Call) for name in _names(node.func))


def _names(function: ast.expr) -> Iterator[str]:
    if isinstance(function, ast.Name):
        yield function.id
    elif isinstance(function, ast.Attribute):
        yield function.attr


def inferred(source: ast.Module, tests: Sequence[str]) -> str | None:
    """The focal function: the one that the tests call most, else the last of the first kind in `focal_names`."""
    names = focal_names(source)
    counts: Counter[str] = Counter()
    for text in tests:
        tree = tree_of(text)
        counts.update(called(tree) if tree else {})
    if used := [name for name in names if counts[name.rpartition(".")[2]]]:
        return max(used, key=lambda name: counts[name.rpartition(".")[2]])
    if not names:
        return None
    plain = [name for name in names if "." not in name and not name.startswith("_")]
    return (plain or names)[-1]


def suite_from(tests: Sequence[str], source: str, entry_point: str) -> str:
    """A pytest file out of texts that belong together: a test file, single tests, or asserts.

    Raises:
        SuiteError: they hold no test of the function, or cannot be made importable.
    """
    return importable_suite("\n\n".join(tests), source, entry_point)
