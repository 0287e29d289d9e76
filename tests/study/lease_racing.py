"""What the racing processes of test_leases do; a module of its own, since they import it."""

from __future__ import annotations

from multiprocessing.synchronize import Barrier
from queue import Queue

from harness.study.leases import Leases
from harness.study.owner import Owner
from harness.study.store import open_storage


def race(url: str, rounds: int, ready: Barrier, won: Queue[tuple[int, list[int]]]) -> None:
    """Take trials 0, 1, ... at the same moments as the others; report which ones this process got."""
    owner = Owner.here()
    storage = open_storage(url)
    leases = Leases(storage, "race", owner)
    mine = []
    for number in range(rounds):
        ready.wait(timeout=60)
        if leases.take(number):
            mine.append(number)
    storage.engine.dispose()
    won.put((owner.pid, mine))


def hold_and_sleep(url: str, number: int, taken: Barrier) -> None:
    """Take a trial and never come back."""
    assert Leases(open_storage(url), "s", Owner.here(), ttl_s=3600.0).take(number)
    taken.wait(timeout=60)
    taken.wait(timeout=600)
