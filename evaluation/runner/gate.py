"""What can be said about a suite without running it: does it parse, does it import the function, which tests check anything.

Runs in a fork: even the parser can be crashed by what a model writes.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

from evaluation.records import Verdict

MAX_SUITE_BYTES = 1 << 20
CHECK_CALLS = frozenset({"raises", "warns", "deprecated_call", "fail"})
Definition = ast.FunctionDef | ast.AsyncFunctionDef
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a suite is not run at all."""

    verdict: Verdict
    detail: str


def inspect_suite(code: str, entry_point: str) -> Refusal | list[str]:
    """Read a suite.

    Returns:
        A refusal, or the names of its functions that check nothing: no assert, no raise, no `raises`, no `assert...` call,
        neither in themselves nor in a function of the same file that they name.
    """
    tree = _parse(code)
    if isinstance(tree, Refusal):
        return tree
    if not _imports(tree, entry_point):
        return Refusal(Verdict.FUNCTION_NOT_IMPORTED, f"the suite never imports {entry_point!r} from 'solution'")
    if _defines(tree, entry_point):
        return Refusal(Verdict.FUNCTION_NOT_IMPORTED, f"the suite defines its own {entry_point!r}")
    return _without_checks(tree)


def _parse(code: str) -> ast.Module | Refusal:
    try:
        if len(code.encode()) > MAX_SUITE_BYTES:
            return Refusal(Verdict.SYNTAX_ERROR, "the suite is larger than 1 MiB")
        return ast.parse(code)
    except SyntaxError as error:
        return Refusal(Verdict.SYNTAX_ERROR, f"line {error.lineno}: {error.msg}")
    except (ValueError, RecursionError, MemoryError) as error:
        return Refusal(Verdict.SYNTAX_ERROR, f"cannot be parsed: {type(error).__name__}")


def _imports(tree: ast.Module, name: str) -> bool:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "solution" and not node.level:
            if any(alias.name in {name, "*"} for alias in node.names):
                return True
        elif isinstance(node, ast.Import) and any(alias.name == "solution" for alias in node.names):
            return True
    return False


def _defines(tree: ast.Module, name: str) -> bool:
    """Whether a definition of that name stands anywhere; assignments at module level are seen at run time."""
    return any(isinstance(node, (*DEFINITIONS, ast.ClassDef)) and node.name == name for node in ast.walk(tree))


def _without_checks(tree: ast.Module) -> list[str]:
    functions: dict[str, list[Definition]] = {}
    for node in ast.walk(tree):
        if isinstance(node, DEFINITIONS):
            functions.setdefault(node.name, []).append(node)
    checking = {name for name, nodes in functions.items() if any(_checks(node) for node in nodes)}
    while True:
        named = {name for name, nodes in functions.items() if any(_names(node) & checking for node in nodes)}
        if named <= checking:
            return sorted(set(functions) - checking)
        checking |= named


def _checks(function: Definition) -> bool:
    for node in ast.walk(function):
        if isinstance(node, (ast.Assert, ast.Raise)):
            return True
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in CHECK_CALLS or called.startswith("assert"):
                return True
    return False


def _names(function: Definition) -> set[str]:
    names = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
    return names | {node.attr for node in ast.walk(function) if isinstance(node, ast.Attribute)}
