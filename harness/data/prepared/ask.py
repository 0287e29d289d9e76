"""What is asked of a preparation. Values; no I/O."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from harness.data.prepared.execution import Execution
from harness.data.sources.rows import SourceOptions
from harness.data.splitting.splits import NEAR_DUPLICATES

_ALL = SourceOptions()

Say = Callable[[str], None]
"""Told what takes time, one line each."""


@dataclass(frozen=True, slots=True)
class PrepareAsk:
    """What is to be prepared.

    Attributes:
        sources: Names of sources, at least one; their records are put together in this order. ``prepared:DIR`` as the only
            one keeps its splits as they are: `shares` and `near_duplicates` then decide nothing.
        shares: Split name -> share of the functions.
        limits: Split name -> most functions of it, or None.
        options: How the sources are read; its `seed` draws the splits too.
        near_duplicates: Jaccard similarity, 0.5-1, from which two functions share a split.
        execution: How oracle suites are run; None leaves that out.
        benchmarks: Sources that no training function should come from; each is checked against. One whose package is not
            installed is named in the report as not checked.
        drop_contaminated: Leave training functions out that a benchmark holds too, unless that benchmark is itself a source.
        need_oracle: Leave functions without an oracle suite out.
    """

    sources: tuple[str, ...]
    shares: Mapping[str, float]
    limits: Mapping[str, int | None]
    options: SourceOptions = _ALL
    near_duplicates: float = NEAR_DUPLICATES
    execution: Execution | None = None
    benchmarks: tuple[str, ...] = ("human-eval",)
    drop_contaminated: bool = False
    need_oracle: bool = False

    def wants(self, split: str) -> bool:
        """Whether the split is to hold anything."""
        return self.shares.get(split, 0) > 0 and self.limits.get(split) != 0


def silent(_: str) -> None:
    """Says nothing."""
