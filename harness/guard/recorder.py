"""The memory curve of one trial, kept small however long it runs.

Owns the thinning. The points are `harness.core.curve`'s; drawing them is tracking's.
"""

from __future__ import annotations

from harness.core.curve import CurvePoint

MOST_POINTS = 1000


class CurveRecorder:
    """Keeps the lowest and the highest look of every stretch of time: a peak is never lost to thinning.

    Stretches start as single looks; when there are too many, two neighbours become one and new ones are twice as long.

    Args:
        most_points: Largest length of the curve, at least 4.
    """

    def __init__(self, most_points: int = MOST_POINTS) -> None:
        self._most = most_points // 2
        self._stretches: list[tuple[CurvePoint, CurvePoint]] = []
        self._looks_each = 1
        self._looks = 0

    def add(self, point: CurvePoint) -> None:
        """One more look, later than all before."""
        if self._looks % self._looks_each == 0:
            if len(self._stretches) == self._most:
                self._halve()
            self._stretches.append((point, point))
        else:
            low, high = self._stretches[-1]
            if point.used_bytes < low.used_bytes:
                self._stretches[-1] = (point, high)
            elif point.used_bytes > high.used_bytes:
                self._stretches[-1] = (low, point)
        self._looks += 1

    def points(self) -> tuple[CurvePoint, ...]:
        """The curve so far, oldest first."""
        pairs = (sorted(set(stretch), key=lambda point: point.seconds) for stretch in self._stretches)
        return tuple(point for pair in pairs for point in pair)

    def _halve(self) -> None:
        """Join neighbours. An odd one out stays: it is the one that would be joined next."""
        pairs = zip(self._stretches[::2], self._stretches[1::2], strict=False)
        odd = self._stretches[len(self._stretches) // 2 * 2 :]
        self._stretches = [_joined(first, second) for first, second in pairs] + odd
        self._looks_each *= 2
        self._looks = 0


def _joined(first: tuple[CurvePoint, CurvePoint], second: tuple[CurvePoint, CurvePoint]) -> tuple[CurvePoint, CurvePoint]:
    everything = (*first, *second)
    return (
        min(everything, key=lambda point: point.used_bytes),
        max(everything, key=lambda point: point.used_bytes),
    )
