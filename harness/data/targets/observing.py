"""Owns the step from a test whose expected value is wrong to one that expects what the code returns. Pure.

A small model calls a function well and miscounts what comes out of it. The call is kept, the value is asked of the code: such a
test pins what the code does today, and says nothing about what it should do.
"""

from __future__ import annotations

import ast
from dataclasses import replace

from harness.data.suites.syntax import cloned, parse
from harness.data.targets.pieces import Piece

LONGEST = 400
"""Characters of a value that is put into a test."""
_MARK = "harness observed "
_SEEN = f'''
def seen_by_harness(value):
    from collections.abc import Iterator
    from itertools import islice

    if isinstance(value, Iterator):
        return "{_MARK}list " + repr(list(islice(value, 40)))
    return "{_MARK}value " + repr(value)
'''


def asked_of(piece: Piece) -> Piece | None:
    """The same piece telling the value instead of checking it; None where it does not compare a value with a literal."""
    check = _check(piece)
    if check is None:
        return None
    told = parse(f"raise AssertionError(seen_by_harness({ast.unparse(check.left)}))").body
    statements = (*piece.statements[: piece.picked[-1]], *told)
    needs = replace(piece.needs, helpers=(*piece.needs.helpers, _SEEN.strip()))
    return replace(piece, statements=statements, needs=needs)


def settled(piece: Piece, said: str) -> Piece | None:
    """The piece with the value that the code returns; None where that cannot be written down.

    Args:
        piece: As it was given to `asked_of`.
        said: What its test failed with.
    """
    check = _check(piece)
    kind, _, text = said.partition(_MARK)[2].partition(" ")
    value = _literal(text)
    if check is None or value is None:
        return None
    left = f"list({ast.unparse(check.left)})" if kind == "list" else ast.unparse(check.left)
    sign = "is" if isinstance(value, ast.Constant) and (value.value is None or isinstance(value.value, bool)) else "=="
    right = ast.unparse(value)
    changed = parse(f"assert {left} {sign} {right}").body
    same = ast.dump(check.comparators[0]) == ast.dump(value)
    return replace(piece, statements=(*piece.statements[: piece.picked[-1]], *changed), observed=not same)


def _check(piece: Piece) -> ast.Compare | None:
    """The one check of a piece, ``CALL == LITERAL``, where it is the last statement."""
    last = piece.statements[piece.picked[-1]]
    asserts = sum(isinstance(piece.statements[at], ast.Assert) for at in piece.picked)
    if asserts != 1 or not isinstance(last, ast.Assert) or not isinstance(last.test, ast.Compare):
        return None
    compare = cloned(last.test)
    if len(compare.ops) != 1 or not isinstance(compare.ops[0], ast.Eq | ast.Is):
        return None
    if any(isinstance(node, ast.Call) for node in ast.walk(compare.comparators[0])):
        return None
    return compare


def _literal(text: str) -> ast.expr | None:
    """A value as the code of a test; None for what is no literal, or too long to read."""
    if not 0 < len(text) <= LONGEST:
        return None
    try:
        ast.literal_eval(text)
        return ast.parse(text, mode="eval").body
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None
