"""Seconds of a stage: by the clock on the wall, and of a core."""

from __future__ import annotations

import resource
import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Seconds:
    """What a stage took.

    Attributes:
        wall: Seconds from its start to its end.
        cpu: Seconds of a core, those of child processes that have ended included.
    """

    wall: float
    cpu: float


NOTHING = Seconds(0.0, 0.0)


class Stopwatch:
    """Runs from its making."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.monotonic(), _cpu()

    def read(self) -> Seconds:
        """What has gone by."""
        return Seconds(time.monotonic() - self._wall, _cpu() - self._cpu)


def _cpu() -> float:
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + ended.ru_utime + ended.ru_stime
