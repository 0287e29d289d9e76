"""Neutral variants: versions of a module that behave like it and look otherwise. Pure ast; runs nothing.

A test that fails on one looks at the implementation instead of at what it does, so its kills mean nothing. The rewrites are
mixed at random by a seed, for a test must not be able to tell a neutral variant from a mutant either.
"""

from __future__ import annotations

import ast
import random
import warnings

from evaluation.mutation import rewrites
from evaluation.mutation.plain_text import pad
from evaluation.mutation.rewrites import Rewrite, Site
from evaluation.mutation.scopes import (
    LOOKS_AT_FRAMES,
    LOOKS_AT_LOCALS,
    Function,
    after_docstring,
    blocks,
    certain,
    functions,
    identifiers,
    taken,
)

VERSION = 1  # raise it when the same source and seed give other variants
EXTRA = 4  # further rewrites per function, at most
ATTEMPTS = 4

# The first kind changes the bytecode of any statement that is compiled; the second may find nothing to change.
SURE: tuple[Rewrite, ...] = (rewrites.assign_dead, rewrites.wrap_tail, rewrites.name_value, rewrites.name_constant)
FREE: tuple[Rewrite, ...] = (*SURE, rewrites.guard_loop, rewrites.swap_branches, rewrites.rename_locals, rewrites.add_else)
# For a function that looks at its own locals: nothing that leaves one more, or one under another name.
SURE_WATCHED: tuple[Rewrite, ...] = (rewrites.assign_and_delete,)
FREE_WATCHED: tuple[Rewrite, ...] = (rewrites.assign_and_delete, rewrites.swap_branches, rewrites.add_else)


def neutral_variants(source: str, seed: str, count: int) -> list[str]:
    """`count` versions of a module that behave like it, the same for a seed.

    Every function in them, lambdas apart, has other bytecode; signatures, docstrings, decorators, recursion depth, and the
    number of calls and loop iterations stay. Line numbers change.

    Args:
        source: A whole module.
        seed: Holds the function's key, so that no two functions share a pattern.
        count: How many; different from each other wherever `ATTEMPTS` draws find a difference.

    Raises:
        SyntaxError: if the source does not parse.
    """
    made: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an invalid escape in the source warns at each parse
        for number in range(count):
            made.append(_another(source, f"{seed}:{number}", made))
    return made


def _another(source: str, seed: str, known: list[str]) -> str:
    variant = ""
    for attempt in range(ATTEMPTS):
        variant = _variant(source, random.Random(f"{seed}:{attempt}"))  # noqa: S311 - a mixture, not a secret
        if variant not in known:
            break
    return variant


def _variant(source: str, rng: random.Random) -> str:
    tree = ast.parse(source)
    used = taken(tree)
    frames = bool(LOOKS_AT_FRAMES & used)
    for function in functions(tree):
        _rewrite(Site(function, rng, used), watched=frames or bool(LOOKS_AT_LOCALS & identifiers(function)))
    return _printed(tree) or pad(source, rng)


def _rewrite(site: Site, *, watched: bool) -> None:
    sure, free = (SURE_WATCHED, FREE_WATCHED) if watched else (SURE, FREE)
    for kind in site.rng.sample(sure, len(sure)):
        if kind(site, certain(site.function) or _docstring_only(site.function)):
            break
    for kind in site.rng.choices(free, k=site.rng.randint(0, EXTRA)):
        kind(site, _statements(site.function))


def _docstring_only(function: Function) -> list[ast.stmt]:
    function.body.append(ast.Pass())
    return function.body[-1:]


def _statements(function: Function) -> list[ast.stmt]:
    docstring = function.body[: after_docstring(function)]
    return [node for block in blocks(function) for node in block if node not in docstring]


def _printed(tree: ast.Module) -> str | None:
    """The tree as source, or None where Python's printer fails or prints another program (some f-strings, deep nesting)."""
    try:
        text = ast.unparse(ast.fix_missing_locations(tree))
        return text + "\n" if ast.dump(ast.parse(text)) == ast.dump(tree) else None
    except (SyntaxError, ValueError, RecursionError):
        return None
