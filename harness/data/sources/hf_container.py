"""Owns a `datasets` data set as a container of rows. How such a data set is opened is `harness.data.sources.hf`'s."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.data.sources.rows import Broken, Row, SourceOptions

if TYPE_CHECKING:
    from harness.data.sources.hf import HfRows


@dataclass(frozen=True, slots=True)
class HfContainer:
    """The rows of one split.

    Attributes:
        opened: What `hf.open_rows` gave.
    """

    opened: HfRows

    @classmethod
    def open(cls, where: str, options: SourceOptions) -> HfContainer:
        """Open a name on the hub or a local folder.

        Raises:
            HarnessError: ENVIRONMENT without a network; as `hf.open_rows`.
        """
        from harness.data.sources.hf import open_rows

        return cls(open_rows(where, options))

    def rows(self, keep: Collection[int] | None = None) -> Iterator[Row | Broken]:
        """The rows, streamed; `keep` as in `Container`."""
        for index, row in enumerate(self.opened.rows()):
            if keep is None or index in keep:
                yield row

    def count(self) -> int | None:
        """The number of rows where the data set says it."""
        return self.opened.count()

    def digest(self) -> str:
        """As the data set has it: its revision, or the bytes of a folder."""
        return self.opened.digest()
