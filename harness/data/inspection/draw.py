"""Owns the seeded samples of a stream: the records with the smallest keys, whatever order they come in. Pure."""

from __future__ import annotations

import heapq

from harness.core.records import Record

ANY = 2**64
"""Above every key."""


class Draw:
    """Keeps the `size` records with the smallest keys."""

    def __init__(self, size: int | None) -> None:
        """Begin.

        Args:
            size: At most so many; None keeps all.
        """
        self._size = size
        self._heap: list[tuple[int, int, Record]] = []
        self._count = 0

    @property
    def bound(self) -> int:
        """A record with a larger key will not be kept."""
        if self._size is None or len(self._heap) < self._size:
            return ANY
        return -self._heap[0][0] if self._heap else -1

    def offer(self, key: int, record: Record) -> None:
        """Keep the record, or let it go."""
        self._count += 1
        if key > self.bound or self._size == 0:
            return
        entry = (-key, -self._count, record)
        if self._size is not None and len(self._heap) >= self._size:
            heapq.heapreplace(self._heap, entry)
        else:
            heapq.heappush(self._heap, entry)

    def records(self) -> list[Record]:
        """What was kept, in the order it came."""
        return [record for _, _, record in sorted(self._heap, key=lambda entry: -entry[1])]
