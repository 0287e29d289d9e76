"""Where two versions of a source differ, for programs and for people. Pure text."""

from __future__ import annotations

import re
from dataclasses import dataclass

CONTEXT = 1
# Python's line ends; `str.splitlines` also breaks at form feeds and others, which would shift every number behind them.
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


@dataclass(frozen=True, slots=True)
class Difference:
    """The one stretch in which two versions differ.

    Attributes:
        line: First line, 1-based, of the old version that differs; its last line where text was only added behind it.
        end_line: Last line of the old version that differs; at least `line`.
        diff: One hunk of a unified diff with one line around it, without file names.
    """

    line: int
    end_line: int
    diff: str


def lines_of(source: str) -> list[str]:
    """Lines as Python counts them, with their ends."""
    return _LINE.findall(source)


def difference(before: str, after: str) -> Difference:
    """Where `after` differs from `before`, as one stretch from the first to the last difference."""
    old, new = lines_of(before), lines_of(after)
    start = _common(old, new, min(len(old), len(new)))
    behind = _common(old[::-1], new[::-1], min(len(old), len(new)) - start)
    end = len(old) - behind
    line = min(start + 1, max(1, len(old)))
    return Difference(line, max(line, end), _hunk(old, new, start, behind))


def _common(left: list[str], right: list[str], limit: int) -> int:
    return next((index for index in range(limit) if left[index] != right[index]), limit)


def _hunk(old: list[str], new: list[str], start: int, behind: int) -> str:
    first, rest = max(0, start - CONTEXT), max(0, behind - CONTEXT)
    removed, added = old[start : len(old) - behind], new[start : len(new) - behind]
    tail = old[len(old) - behind : len(old) - rest]
    marked = [*_mark(" ", old[first:start]), *_mark("-", removed), *_mark("+", added), *_mark(" ", tail)]
    head = f"@@ -{first + 1},{len(old) - rest - first} +{first + 1},{len(new) - rest - first} @@"
    return "\n".join([head, *marked]) + "\n"


def _mark(sign: str, lines: list[str]) -> list[str]:
    return [sign + line.rstrip("\r\n") for line in lines]
