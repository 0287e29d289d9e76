"""Finds and removes the assertions of a suite that repeat an example of the prompt. Reads the suite, never runs it.

Owns the rewriting; what an assertion says is `evaluation.copies.claims`, what the prompt says `prompt_examples` beside it.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass

from evaluation.copies.claim_walk import DEFINITIONS, ClaimWalk, Definition, handed_to
from evaluation.copies.claims import Reader, TooMuchWorkError, called_name, parse
from evaluation.copies.scope import FOCAL_NAME, Scope

CHECK_CALLS = frozenset({"raises", "warns", "deprecated_call", "fail"})


@dataclass(frozen=True, slots=True)
class Copies:
    """What a suite has in common with its prompt.

    Attributes:
        asserts: Assertions about the result of the focal function; each row of a table of cases counts for itself.
        copied: How many of them repeat an example of the prompt.
        without: The suite without those and without the tests that then check nothing; "" when nothing that checks is left,
            None when nothing is copied.
    """

    asserts: int
    copied: int
    without: str | None


NOTHING = Copies(0, 0, None)


def find_copies(suite: str, examples: frozenset[str], entry_point: str) -> Copies:
    """Find the assertions that say no more than the prompt did.

    Followed are plain asserts, unittest's methods, names with one known value, other names of the focal function, and tables
    of cases (`pytest.mark.parametrize` or a loop over a literal list); a row counts as copied when all its assertions are.
    A weaker assertion about the same call (``isinstance(f(1), int)``) is not a copy, one with a tolerance is.

    Args:
        suite: Source of the tests, at most 1 MiB. It may be anything; a text that the parser refuses, that nests too deep
            or that is unlike any suite in size has no copies. Only a crash of Python's own parser is not caught.
        examples: From `evaluation.copies.prompt_examples.prompt_examples`.
        entry_point: Name of the focal function.
    """
    try:
        tree = parse(suite)
        reader = Reader(entry_point)
        walk = ClaimWalk(reader, examples, handed_to(tree, entry_point))
        rewritten = walk.block(tree.body, Scope(reader, {entry_point: FOCAL_NAME}))
        if not walk.copied:
            return Copies(walk.asserts, 0, None)
        kept = list(_prune(rewritten, _checking(tree.body), _checking(rewritten)))
        checking = _checking(kept)
        left = any(_is_test(node) and _checks(node, checking) for node in _functions(kept))
        return Copies(walk.asserts, walk.copied, ast.unparse(ast.Module(kept, [])) + "\n" if left else "")
    except (SyntaxError, ValueError, RecursionError, MemoryError, TooMuchWorkError):
        return NOTHING


def _is_test(node: Definition) -> bool:
    return node.name.startswith("test")


def _functions(body: list[ast.stmt]) -> Iterator[Definition]:
    """Functions and methods; those inside a function belong to it."""
    ahead: list[ast.AST] = list(body)
    while ahead:
        node = ahead.pop()
        if isinstance(node, DEFINITIONS):
            yield node
        else:
            ahead += [child for child in ast.iter_child_nodes(node) if isinstance(child, (ast.stmt, ast.ExceptHandler))]


def _prune(body: list[ast.stmt], before: frozenset[str], now: frozenset[str]) -> Iterator[ast.stmt]:
    """The statements without the tests that checked something before and do not now."""
    for node in body:
        if isinstance(node, ast.ClassDef):
            shell = copy.copy(node)
            shell.body = list(_prune(node.body, before, now))
            if shell.body:
                yield shell
        elif not (isinstance(node, DEFINITIONS) and _is_test(node) and node.name in before and not _checks(node, now)):
            yield node


def _checks(function: Definition, checking: frozenset[str]) -> bool:
    return _checks_itself(function) or bool(_mentioned(function) & checking - {function.name})


def _checking(body: list[ast.stmt]) -> frozenset[str]:
    """Names of the functions that check something, in themselves or in a function of the same file that they name."""
    mentions: dict[str, set[str]] = {}  # function -> functions that name it
    reached: list[str] = []
    for node in _functions(body):
        for name in _mentioned(node):
            mentions.setdefault(name, set()).add(node.name)
        if _checks_itself(node):
            reached.append(node.name)
    found = set(reached)
    while reached:
        new = mentions.get(reached.pop(), set()) - found
        found |= new
        reached += new
    return frozenset(found)


def _checks_itself(function: Definition) -> bool:
    for node in ast.walk(function):
        if isinstance(node, (ast.Assert, ast.Raise)):
            return True
        if isinstance(node, ast.Call) and (called_name(node) in CHECK_CALLS or called_name(node).startswith("assert")):
            return True
    return False


def _mentioned(function: Definition) -> set[str]:
    names = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
    return names | {node.attr for node in ast.walk(function) if isinstance(node, ast.Attribute)}
