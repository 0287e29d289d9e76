"""Harvesting of a code base: its functions, paired with the tests and doctest examples that really exercise them."""

from __future__ import annotations

from harness.data.harvest.source import HarvestSource, open_harvest

__all__ = ["HarvestSource", "open_harvest"]
