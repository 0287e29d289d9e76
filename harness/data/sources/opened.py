"""Owns a source made of a container and a layout: sampling, the options that matter, and what is said when no layout fits."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import islice

from harness.core.errors import ExitCode, HarnessError
from harness.data.sources.containers import Container
from harness.data.sources.fields import columns_text
from harness.data.sources.layouts import UNKNOWN, VERSIONS, Layout, recognised
from harness.data.sources.native import Native
from harness.data.sources.reading import Reader, unique
from harness.data.sources.rows import Broken, Item, Row, SourceOptions

_FIRST_ROWS = 20  # looked at to recognise the layout


@dataclass(frozen=True, slots=True)
class RowSource:
    """A `Source` of rows.

    Attributes:
        name: As the user wrote it.
        container: Where the rows are.
        known: The layout; None where none fits.
        origin / licence: Of records whose rows say nothing of it.
        options: How the source is read.
    """

    name: str
    container: Container
    known: Layout | None
    origin: str
    licence: str
    options: SourceOptions

    @property
    def layout(self) -> str:
        """The layout's name, or ``unknown``."""
        return self.known.name if self.known is not None else UNKNOWN

    @property
    def reader(self) -> Reader | None:
        """What `items` reads each row with, picklable; None where no layout fits."""
        return Reader(self.known, self.origin, self.licence) if self.known is not None else None

    def rows(self) -> Iterator[Row | Broken]:
        """The rows, or the sample of them; one held at a time."""
        return self.container.rows(self._sample())

    def items(self) -> Iterator[Item]:
        """Every row as a record, or why not; ids are unique.

        Raises:
            HarnessError: NEEDS_MAPPING when no layout fits.
        """
        reader = self.reader
        if reader is None:
            raise self._needs_mapping()
        return unique((row.place, row if isinstance(row, Broken) else reader.read(row)) for row in self.rows())

    def digest(self) -> str:
        """sha256 of the bytes, the layout with its version, the options that matter, and the names put into records."""
        limits = (self.options.max_far, self.options.max_frr) if self.layout == "coderm" else ()
        draw = (self.options.sample, self.options.seed) if self.options.sample is not None else ()
        version = VERSIONS.get(self.layout, 0)
        decides = [self.container.digest(), self.layout, version, self.origin, self.licence, limits, draw]
        return hashlib.sha256(json.dumps(decides).encode()).hexdigest()

    def _sample(self) -> Collection[int] | None:
        """Numbers of the rows that are drawn; None for all of them.

        Drawn from the count, which a Parquet file knows and a JSON Lines file gives at the speed of the disk: a reservoir over
        the stream would have to hold as many rows as are drawn, 2 GB for 20,000 of CodeRM.
        """
        wanted = self.options.sample
        if wanted is None:
            return None
        count = self.container.count()
        count = sum(1 for _ in self.container.rows()) if count is None else count
        return frozenset(random.Random(self.options.seed).sample(range(count), min(wanted, count)))  # noqa: S311 (no secret)

    def _needs_mapping(self) -> HarnessError:
        first = next((row for row in self.container.rows() if isinstance(row, Row)), None)
        return HarnessError(
            f"{self.name}: which column holds what?",
            why=f"no known layout has the columns {columns_text(first.values if first else {})}",
            fix=f"run `harness data inspect {self.name}`, which proposes a mapping, and apply it with `harness data map`",
            code=ExitCode.NEEDS_MAPPING,
        )


def recognised_layout(container: Container, options: SourceOptions) -> Layout | None:
    """The layout of a container's first rows.

    Raises:
        HarnessError: if the container cannot be read, or holds nothing.
    """
    first = list(islice((row for row in container.rows() if isinstance(row, Row)), _FIRST_ROWS))
    if first:
        return recognised(first, options)
    # Nothing but broken rows has no columns to map: reading it as the native layout names each of them.
    if next(container.rows(), None) is not None:
        return Native()
    raise HarnessError("the data hold no record", why="there is no row", fix="one JSON object a line, or a Parquet file")
