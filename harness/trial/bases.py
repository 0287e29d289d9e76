"""Where a trial gets its loaded base from, and what it may do to it; here: a fresh one to use up.

One that is kept for the next trial is `harness.trial.warm_bases`'.
"""

from __future__ import annotations

from typing import Any, Protocol

from harness.core.params import Quantization
from harness.trial.base import Base, load_base
from harness.trial.spec import ModelSpec


class Bases(Protocol):
    """Gives out loaded bases."""

    def open(self, spec: ModelSpec, quantization: Quantization) -> Base:
        """A base as `load_base` makes it.

        Raises:
            OSError: as `load_base`.
            ValueError: as `load_base`.
            HarnessError: as `load_base`.
        """
        ...

    def merge(self, model: Any) -> None:
        """Put the adapter's product into the base's weights, as the model goes on to write with them."""
        ...


class FreshBases:
    """Loads, and lets go: for a process that ends with its trial."""

    def open(self, spec: ModelSpec, quantization: Quantization) -> Base:
        """Load a base."""
        return load_base(spec, quantization)

    def merge(self, model: Any) -> None:
        """Merge in place."""
        model.merge_adapter()
