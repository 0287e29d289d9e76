"""Owns disjoint sets of numbered things, for joining what is found to be alike. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


class Labels:
    """Disjoint sets whose labels are an array, so that a whole bucket is compared at once; the smaller set is relabelled."""

    def __init__(self, count: int) -> None:
        self.of = np.arange(count)
        self._members: dict[int, list[int]] = {k: [k] for k in range(count)}

    def join(self, one: int, others: Sequence[int]) -> None:
        """Put others into the set of one."""
        for other in others:
            kept, gone = int(self.of[one]), int(self.of[other])
            if kept == gone:
                continue
            if len(self._members[kept]) < len(self._members[gone]):
                kept, gone = gone, kept
            moved = self._members.pop(gone)
            self.of[moved] = kept
            self._members[kept].extend(moved)

    def numbered(self) -> list[int]:
        """The set of each element, numbered by appearance."""
        numbers: dict[int, int] = {}
        return [numbers.setdefault(label, len(numbers)) for label in self.of.tolist()]
