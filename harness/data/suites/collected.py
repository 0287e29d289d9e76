"""Owns the question what pytest collects from a file, as far as its text tells: functions, classes, methods. Pure."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

Function = ast.FunctionDef | ast.AsyncFunctionDef


def is_test_function(node: ast.stmt) -> bool:
    """Whether a module-level statement is a test function."""
    return isinstance(node, Function) and node.name.startswith("test")


def is_test_class(node: ast.stmt) -> bool:
    """Whether a statement is a class that pytest looks into: ``Test...`` or derived from a TestCase."""
    return isinstance(node, ast.ClassDef) and (node.name.startswith("Test") or is_unittest(node))


def is_unittest(node: ast.ClassDef) -> bool:
    """Whether a class is derived from a TestCase, by the names of its bases."""
    names = (base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "") for base in node.bases)
    return any(name.endswith("TestCase") for name in names)


def methods(node: ast.ClassDef) -> Iterator[Function]:
    """The test methods that a class defines itself."""
    return (inner for inner in node.body if isinstance(inner, Function) and inner.name.startswith("test"))


def has_tests(statement: ast.stmt) -> bool:
    """Whether a module-level statement holds a test that pytest collects; classes with a base in the file count by their own."""
    if isinstance(statement, ast.ClassDef):
        return next(methods(statement), None) is not None
    return is_test_function(statement)


def lines_of(node: ast.stmt) -> tuple[int, int]:
    """First and last line, decorators included; counted from 1."""
    decorators: Sequence[ast.expr] = getattr(node, "decorator_list", ())
    return min([node.lineno, *(d.lineno for d in decorators)]), node.end_lineno or node.lineno
