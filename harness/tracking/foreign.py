"""Text that a model, a data set or an error wrote, on its way into something a person opens.

Owns the ways in: nothing of it is ever markup, and nothing of it is active or invisible.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

MAX_CHARACTERS = 6_000
"""Of one text; a model may write until it is stopped."""
# Characters that a terminal or a browser acts on, or that make text read in another order than it runs.
_ACTIVE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
_TICKS = re.compile(r"`{3,}")


def visible(text: str) -> str:
    r"""Whatever is active or invisible becomes an escape such as ``\x1b``."""
    return _ACTIVE.sub(lambda found: ascii(found[0])[1:-1], text.replace("\r\n", "\n"))


def one_line(text: str, limit: int = 300) -> str:
    """The same on one line of at most `limit` characters."""
    line = " ".join(visible(text).split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def shortened(text: str, limit: int = MAX_CHARACTERS) -> str:
    """At most `limit` characters, and a word on what is left out."""
    shown = visible(text)
    return shown if len(shown) <= limit else f"{shown[:limit]}\n… ({len(shown):,} characters in all)"


def escape(text: object, limit: int = MAX_CHARACTERS) -> str:
    """HTML text or attribute value."""
    return html.escape(shortened(str(text), limit))


def fenced(code: str, language: str = "python") -> str:
    """A Markdown block that its own content cannot end: the fence is longer than any run of ticks within."""
    shown = shortened(code).strip("\n")
    longest = max((len(run) for run in _TICKS.findall(shown)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{shown}\n{fence}"


def cell(text: str, limit: int = 200) -> str:
    """A cell of a Markdown table."""
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", one_line(text, limit))


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table of cells that are Markdown already."""
    names = list(head)
    lines = [f"| {' | '.join(names)} |", f"|{'---|' * len(names)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])
