"""Owns how code is found in prose: fenced blocks as Markdown writes them, or bare Python after some sentences. Pure."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

_FENCE = re.compile(r"[ \t]{0,8}(`{3,}|~{3,})[ \t]*([\w+#.-]*)")
_PYTHON = frozenset(["", "python", "py", "python3", "py3"])
_CODE_START = re.compile(r"(?:async[ \t]+def|def|class|import|from|@\w)\b")
_STARTS = 20  # lines tried as the first of bare code: a long text must not cost the square of its length


def fenced_blocks(text: str) -> list[str] | None:
    """The fenced pieces of a text that say to be Python, or nothing else, in order; None where nothing is fenced.

    Source: fences as in CommonMark 0.31, section 4.5; a fence that is never closed runs to the end.
    """
    lines = _lines(text)
    blocks: list[str] = []
    fenced, position = False, 0
    while position < len(lines):
        opening = _FENCE.match(lines[position])
        position += 1
        if opening is None:
            continue
        fenced, start = True, position
        while position < len(lines) and not _closes(lines[position], opening[1]):
            position += 1
        if opening[2].lower() in _PYTHON:
            blocks.append(textwrap.dedent("\n".join(lines[start:position])))
        position += 1
    return blocks if fenced else None


def bare_code(text: str) -> Iterator[str]:
    """What may be code in a text without fences: all of it, then its tail from each of the first lines that look like code."""
    lines = _lines(text)
    yield "\n".join(lines)
    starts = [k for k, line in enumerate(lines) if k and _CODE_START.match(line)]
    for start in starts[:_STARTS]:
        yield "\n".join(lines[start:])


def _lines(text: str) -> list[str]:
    return text.replace("\r\n", "\n").split("\n")


def _closes(line: str, fence: str) -> bool:
    """The same character, at least as often, and nothing else."""
    mark = line.strip()
    return len(mark) >= len(fence) and not mark.strip(fence[0])
