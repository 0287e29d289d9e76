"""Owns the cutting of a normal form into shingles: hashes of every K tokens, and of every N characters in a row. Pure."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

K = 3
"""Tokens of a shingle.

Chosen by reading every pair of HumanEval and MBPP that one K joins at a similarity of 0.8 and the next does not. With 5, two
functions of ten lines that differ in one operator stay apart (`count_Pairs` with ``==`` and with ``!=``: 0.78), with 4 some
still do (HumanEval/56 and /61, the same function for two kinds of bracket: 0.79), with 3 they are joined (0.85) and nothing
chains: the largest of 1,033 clusters of these 1,138 functions has 4 members, and among 12,000 functions of ten installed
packages 140, of which 134 are exact clones of ``return __all__``. What 3 joins wrongly is tiny (``area = l * b``, ``a + b + c``),
and to keep two such on one side costs nothing.
"""

N = 8
"""Characters of a shingle of text.

A token is equal or not; six functions of MBPP that search for another pattern each (``'ab?'``, ``'ab+?'``) stay apart by tokens
(0.78) and are joined by their text (0.85). Of those 1,138 functions the largest cluster has 8 members by both together.
"""

_TOKEN = re.compile(
    r"""[^\W\d]\w*(?:'''(?:\\.|[^\\])*?'''|\"\"\"(?:\\.|[^\\])*?\"\"\"|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*")?"""
    r"""|'''(?:\\.|[^\\])*?'''|\"\"\"(?:\\.|[^\\])*?\"\"\"|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*\""""
    r"""|\d[\w.]*|\*\*=?|//=?|<<=?|>>=?|[-+*/%@&|^=<>!:]=|->|\S""",
    re.DOTALL,
)
_NUMBERED = re.compile(r"v\d+\Z")
_NAME = np.uint64(1)
_PRIME = np.uint64(0x9E3779B97F4A7C15)


def shingles(form: str) -> NDArray[np.uint32]:
    """The shingles of a normal form, ascending and without repetition; at least one.

    A name counts by where it stood last within the shingle, not by its number in the function: one more line at the
    top renumbers every name below it, and would leave no shingle as it was.

    Source: Baker 1995, the "prev" encoding of parameterised strings.

    Args:
        form: What `normal_forms` gives.
    """
    tokens = _TOKEN.findall(form) or [""]
    tokens += [""] * (K - len(tokens))
    fixed = np.fromiter((_value(token) for token in tokens), np.uint64, len(tokens))
    back = _distances(tokens)
    count = len(tokens) - K + 1
    columns = []
    for place in range(K):
        here = back[place : place + count]
        known = np.where((here > 0) & (here <= place), here, 0).astype(np.uint64)
        columns.append(np.where(here < 0, fixed[place : place + count], known + _NAME))
    return _hashes(columns)


def text_shingles(form: str) -> NDArray[np.uint32]:
    """The character shingles of a normal form, ascending and without repetition; at least one.

    Args:
        form: What `normal_forms` gives; blanks count as one.
    """
    text = " ".join(form.split()).encode("utf-8", "surrogatepass")
    values = np.frombuffer(text.ljust(N, b"\0"), np.uint8).astype(np.uint64)
    return _hashes([values[place : len(values) - N + 1 + place] for place in range(N)])


def _hashes(columns: Sequence[NDArray[np.uint64]]) -> NDArray[np.uint32]:
    """One hash a row; the constants are those of splitmix64's increment and a shift, and pinned by every split there is."""
    mixed = np.zeros(len(columns[0]), np.uint64)
    for column in columns:
        mixed = (mixed ^ (column + np.uint64(1))) * _PRIME
        mixed ^= mixed >> np.uint64(29)
    return np.unique((mixed >> np.uint64(32)).astype(np.uint32))


def _value(token: str) -> int:
    return (zlib.crc32(token.encode("utf-8", "surrogatepass")) << 8) + 0x100


def _distances(tokens: list[str]) -> NDArray[np.int64]:
    """How many tokens ago the same numbered name stood: 0 for its first time, -1 for what is no such name."""
    last: dict[str, int] = {}
    found = np.full(len(tokens), -1, np.int64)
    for place, token in enumerate(tokens):
        if _NUMBERED.match(token):
            found[place] = place - last.get(token, place)
            last[token] = place
    return found
