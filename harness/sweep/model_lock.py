"""One promotion at a time to a registered model, whichever studies they come from: what is compared with is what is replaced.

The lock is one of this machine. A registry that several machines promote to is looked at once more before the alias moves.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from harness.core.errors import ExitCode, HarnessError
from harness.sweep.lock import StudyLock
from harness.sweep.paths import Paths
from harness.sweep.workplace import Workplace

_POLL_S = 0.2


@contextmanager
def promoting(work: Workplace, name: str) -> Iterator[bool]:
    """Hold the registered model; waits for whoever holds it. False when the user interrupted meanwhile."""
    with _lock(work.paths, name) as lock:
        alone = lock.acquire()
        if not alone:
            work.view.message(f"waiting for process {lock.holder()}, which promotes to {name}")
        while not alone and not work.stop.requested:
            time.sleep(_POLL_S)
            alone = lock.acquire()
        yield alone


@contextmanager
def rolling_back(paths: Paths, name: str) -> Iterator[None]:
    """Hold the registered model.

    Raises:
        HarnessError: CONFLICT while something is promoted to it.
    """
    with _lock(paths, name) as lock:
        if not lock.acquire():
            raise HarnessError(
                f"{name} is being promoted to",
                why=f"process {lock.holder()} is comparing with its champion",
                fix="wait for it, then run the same command again",
                code=ExitCode.CONFLICT,
            )
        yield


def _lock(paths: Paths, name: str) -> StudyLock:
    return StudyLock(paths.promotions / name)
