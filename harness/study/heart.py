"""A thread that keeps this process's leases while its main loop is busy.

Owns the rhythm, the retries and the word that a lease was lost. What a lease is stands in `leases`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any, Self

from sqlalchemy.exc import SQLAlchemyError

from harness.study.leases import Leases

EVERY_S = 10.0
_RETRY_S = 1.0


class Heart:
    """Beats until it is closed or the process ends.

    Args:
        leases: Of this process.
        every_s: Seconds between two beats; a sixth of the leases' `ttl_s` leaves room for five failures.
    """

    def __init__(self, leases: Leases, every_s: float = EVERY_S) -> None:
        self._leases = leases
        self._every_s = every_s
        self._guard = threading.Lock()
        self._status: dict[int, Mapping[str, Any]] = {}
        self._lost: set[int] = set()
        self._trouble: str | None = None
        self._last = time.monotonic()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heart", daemon=True)

    def start(self) -> Self:
        """Begin to beat."""
        self._thread.start()
        return self

    def tell(self, number: int, status: Mapping[str, Any]) -> None:
        """Say how a trial stands; goes out with the next beat."""
        with self._guard:
            self._status[number] = dict(status)

    def lost(self) -> frozenset[int]:
        """Trials that were lost since the last call: another process works on them, so nothing may be told of them any more."""
        with self._guard:
            lost, self._lost = frozenset(self._lost), set()
            return lost

    @property
    def trouble(self) -> str | None:
        """Why the last beat failed; None when it did not."""
        with self._guard:
            return self._trouble

    @property
    def silent_s(self) -> float:
        """Seconds since the last beat that reached the database."""
        with self._guard:
            return time.monotonic() - self._last

    def close(self) -> None:
        """Stop beating; the leases stay. Harmless when repeated."""
        self._end.set()
        if self._thread.is_alive():
            self._thread.join(timeout=self._every_s + _RETRY_S)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self) -> None:
        pause = self._every_s
        while not self._end.wait(pause):
            pause = self._every_s if self._beat() else min(self._every_s, _RETRY_S)

    def _beat(self) -> bool:
        with self._guard:
            status, self._status = self._status, {}
        try:
            lost = self._leases.beat(status)
        except SQLAlchemyError as error:
            with self._guard:
                self._status = {**status, **self._status}
                self._trouble = next(iter(str(getattr(error, "orig", None) or error).splitlines()), type(error).__name__)
            return False
        with self._guard:
            self._lost |= lost
            self._trouble, self._last = None, time.monotonic()
        return True
