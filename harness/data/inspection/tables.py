"""Owns the building blocks of what the data commands print: safe text, grids, tables, and the way to a stream."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from typing import TextIO

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

_PIPE_WIDTH = 120


def show(what: RenderableType, stream: TextIO) -> None:
    """Print something of rich's; characters that the stream cannot take become question marks."""
    real = Console(file=stream)
    width = real.width if real.is_terminal else _PIPE_WIDTH
    page = io.StringIO()
    console = Console(file=page, force_terminal=real.is_terminal, width=width, highlight=False, emoji=False, markup=False)
    console.print(what)
    encoding = getattr(stream, "encoding", None) or "utf-8"
    lines = (line.rstrip() for line in page.getvalue().splitlines())
    stream.write("\n".join(lines).encode(encoding, "replace").decode(encoding) + "\n")


def clean(text: str) -> str:
    """A stranger's text on one line, safe for a terminal: no control characters, no escape sequences."""
    return "".join(c if c.isprintable() else " " if c.isspace() else "?" for c in text)


def grid(rows: Mapping[str, str | Text]) -> Table:
    """Labels and what belongs to them."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for label, value in rows.items():
        table.add_row(label, Text(clean(value)) if isinstance(value, str) else value)
    return table


def table_of(headings: tuple[str, ...], rows: Iterable[tuple[str, ...]], left: int = 1) -> Table:
    """A table, all columns but the first `left` flush right."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold", show_edge=False)
    for index, heading in enumerate(headings):
        table.add_column(heading, justify="left" if index < left else "right", overflow="fold")
    for row in rows:
        table.add_row(*(clean(cell) for cell in row))
    return table


def titled(title: str, what: RenderableType) -> RenderableType:
    """Something under a headline, with a blank line above."""
    return Group(Text(), Text(title, style="bold"), Padding(what, (0, 0, 0, 2)))
