"""Owns the guess which name of a module its tests are about. Pure; works on syntax trees."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable


def focal_name(source: ast.Module, tests: ast.Module) -> str | None:
    """The function, or ``Class.method``, that tests import or call the most; None where they do neither.

    Args:
        source: The module that defines it.
        tests: The tests, which may hold a copy of the source, an import of it, or nothing of the kind.
    """
    defined = {node.name: node for node in source.body if isinstance(node, _DEFINES)}
    imported = {alias.name for node in ast.walk(tests) if isinstance(node, ast.ImportFrom) for alias in node.names}
    code = [node for node in tests.body if getattr(node, "name", None) not in defined]  # copies of the source apart
    called = _called(code)
    wanted = [name for name in defined if name in imported] or list(defined)
    name = max(wanted, key=lambda known: called[known], default=None)
    if name is None or not (called[name] or name in imported):
        return None
    node = defined[name]
    return _method(node, code) if isinstance(node, ast.ClassDef) else name


_DEFINES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def _called(code: Iterable[ast.stmt]) -> Counter[str]:
    """How often each name is read: what is passed on, as in ``map(f, values)``, counts like a call."""
    return Counter(node.id for stmt in code for node in ast.walk(stmt) if isinstance(node, ast.Name))


def _method(node: ast.ClassDef, code: Iterable[ast.stmt]) -> str:
    """The method of a class that the tests call the most; the class itself where they call none of its own."""
    own = {part.name for part in node.body if isinstance(part, ast.FunctionDef) and not part.name.startswith("__")}
    attributes = Counter(part.attr for stmt in code for part in ast.walk(stmt) if isinstance(part, ast.Attribute))
    used = [name for name in sorted(own) if attributes[name]]
    return f"{node.name}.{max(used, key=lambda name: attributes[name])}" if used else node.name
