"""Which of many progress reports are worth a line. Pure; the caller brings the time."""

from __future__ import annotations

from collections.abc import Hashable


class Thinning:
    """Lets a report through when its key changed, or when enough time has passed since the last one.

    Args:
        interval_s: Seconds between two reports of one label with the same key.
    """

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._last: dict[str, tuple[Hashable, float]] = {}

    def lets(self, label: str, key: Hashable, now: float) -> bool:
        """Whether this report is worth a line; remembers it if so."""
        last = self._last.get(label)
        if last is not None and last[0] == key and now - last[1] < self._interval_s:
            return False
        self._last[label] = (key, now)
        return True

    def forget(self, label: str) -> None:
        """The trial ended."""
        self._last.pop(label, None)
