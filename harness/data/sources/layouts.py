"""Owns which layouts there are and how one is recognised from the first rows. A layout reads one row; it opens nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Protocol

from harness.data.sources.chat import Chat
from harness.data.sources.coderm import CodeRm
from harness.data.sources.human_eval import HumanEval
from harness.data.sources.mbpp import Mbpp
from harness.data.sources.native import Native
from harness.data.sources.rows import Item, Row, SourceOptions

UNKNOWN = "unknown"
VERSIONS = {"native": 2, "human-eval": 2, "mbpp": 2, "coderm": 1, "chat": 1}
"""Raised whenever a layout reads the same row otherwise than before: what was prepared with the older one is made anew."""


class Layout(Protocol):
    """How a row with certain columns becomes a record. Pure and picklable, so that rows can be read in a process pool."""

    @property
    def name(self) -> str:
        """As in `Source.layout`."""

    def matches(self, columns: Mapping[str, type]) -> bool:
        """Whether rows with these columns can be read; the type is that of the value, ``NoneType`` for null."""

    def read(self, row: Row) -> Item:
        """The row as a record, or why not. Never raises for what stands in a row, and never runs its code."""


def layouts(options: SourceOptions) -> tuple[Layout, ...]:
    """Every layout, the one with the most telling columns first."""
    return (Native(), HumanEval(), Mbpp(), CodeRm(options), Chat())


def layout_named(name: str, options: SourceOptions) -> Layout:
    """The layout of that name.

    Raises:
        KeyError: if there is none.
    """
    return {layout.name: layout for layout in layouts(options)}[name]


def columns_of(row: Row) -> dict[str, type]:
    """Name of each column -> type of its value."""
    return {name: type(value) for name, value in row.values.items()}


def recognised(rows: Sequence[Row], options: SourceOptions) -> Layout | None:
    """The layout that fits the most of the first rows; None where none fits any."""
    known = layouts(options)
    fits = Counter({layout.name: sum(layout.matches(columns_of(row)) for row in rows) for layout in known})
    name, count = max(fits.items(), key=lambda item: item[1])  # the first of equals
    return {layout.name: layout for layout in known}[name] if count else None
