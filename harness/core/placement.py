"""Which device a trial goes to, and how many threads each worker gets. Pure.

Owns both divisions. What a device's budget is and what a trial needs are `harness.core.admission`'s and `harness.core.memory`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Load:
    """What a device has taken on.

    Attributes:
        budget_bytes: What trials may take there together.
        promised: Predicted peak of each trial that runs there, in bytes; None where none was predicted.
    """

    budget_bytes: int
    promised: tuple[int | None, ...] = ()

    def left_after(self, needed_bytes: int | None) -> int | None:
        """Bytes of the budget that nobody would have been promised; None where the trial finds no room.

        A need that is not known may be all there is: it wants the device for itself, and keeps it.
        """
        known = [promise for promise in (*self.promised, needed_bytes) if promise is not None]
        if len(known) <= len(self.promised):  # one of them is unknown
            return self.budget_bytes - sum(known) if not self.promised else None
        left = self.budget_bytes - sum(known)
        return left if left >= 0 else None


def place(needed_bytes: int | None, devices: Sequence[Load]) -> int | None:
    """The index of the device for a trial; None where it has to wait.

    The device with the fewest trials, since sharing one while another idles costs time; of these the one with the least room
    left over (best fit), so that the large remainders stay for the large trials; then the first.

    Args:
        needed_bytes: Predicted peak; None where none is predicted.
        devices: Every device, with what runs there.
    """
    left = [(device.left_after(needed_bytes), index) for index, device in enumerate(devices)]
    fitting = [(len(devices[index].promised), room, index) for room, index in left if room is not None]
    return min(fitting)[-1] if fitting else None


def threads(cores: int, workers: int) -> tuple[int, ...]:
    """Threads of each worker: the cores divided as evenly as they go, at least 1 each.

    Args:
        cores: Of the machine, above 0.
        workers: At least 1.

    Raises:
        ValueError: if there is no core or no worker.
    """
    if cores < 1 or workers < 1:
        raise ValueError(f"cannot divide {cores} cores among {workers} workers")
    share, over = divmod(cores, workers)
    return tuple(max(1, share + (worker < over)) for worker in range(workers))
