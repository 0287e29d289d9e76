"""Which functions and classes of a module the entry point can reach, by name. Pure; runs nothing.

An over-estimate on purpose: a name counts as used wherever it stands, so that no mutant is left out which a test of the
entry point could kill through an ordinary call.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def reached(source: str, entry_point: str) -> frozenset[str]:
    """Names of the top-level functions and classes reached, and ``Class.method`` of every method of those classes.

    Followed, transitively: names and attributes used in a function or class (decorators, defaults and bases included), the
    classes that have a method of that name, and other top-level statements that mention a name so used.

    Args:
        source: A whole module.
        entry_point: A name of its top level; ``Class.method`` reaches the class.

    Raises:
        SyntaxError: if the source does not parse.
    """
    tree = ast.parse(source)
    uses = _uses(tree)
    seen: set[str] = set()
    waiting = [entry_point.split(".")[0]]
    while waiting:
        name = waiting.pop()
        if name not in seen and name in uses:
            seen.add(name)
            waiting.extend(uses[name])
    return frozenset(seen & _defined(tree)) | frozenset(_methods(tree, seen))


def _uses(tree: ast.Module) -> Mapping[str, set[str]]:
    """Top-level name, or method name behind a dot -> the names that stand where it is defined or mentioned."""
    uses: defaultdict[str, set[str]] = defaultdict(set)
    for statement in tree.body:
        mentioned = _mentioned(statement)
        names = [statement.name] if isinstance(statement, _DEFINITIONS) else sorted(mentioned)
        for name in names:
            uses[name] |= mentioned
        for method in _members(statement):
            uses[f".{method}"].add(names[0])
    return uses


def _mentioned(statement: ast.stmt) -> set[str]:
    names = {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
    attributes = {node.attr for node in ast.walk(statement) if isinstance(node, ast.Attribute)}
    return names | attributes | {f".{name}" for name in attributes}


def _defined(tree: ast.Module) -> set[str]:
    return {statement.name for statement in tree.body if isinstance(statement, _DEFINITIONS)}


def _methods(tree: ast.Module, classes: set[str]) -> Iterator[str]:
    for statement in tree.body:
        if isinstance(statement, ast.ClassDef) and statement.name in classes:
            yield from (f"{statement.name}.{member}" for member in _members(statement))


def _members(statement: ast.stmt) -> list[str]:
    if not isinstance(statement, ast.ClassDef):
        return []
    return [member.name for member in statement.body if isinstance(member, _DEFINITIONS)]
