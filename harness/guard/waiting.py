"""Waiting for room on a device that others fill, before a launch. Owns nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable

from harness.guard.probe import MemoryProbe, UnreadableError
from harness.guard.watcher import StopSignal

WAIT_HZ = 2.0


def wait_until_free(
    probe: MemoryProbe,
    needed_bytes: int,
    timeout_s: float,
    stop: StopSignal | None = None,
    on_wait: Callable[[int], None] | None = None,
) -> bool:
    """Wait before a launch until a device that others fill has room, asking twice a second.

    Args:
        probe: Measures.
        needed_bytes: What has to be available.
        timeout_s: Longest wait; 0 asks once.
        stop: Ends the wait.
        on_wait: Told after every look in vain what is available, in bytes; 0 where it cannot be read.

    Returns:
        Whether there is room; False at the time limit and on a request to stop.

    Raises:
        DeviceLostError: if the device is gone.
    """
    started = time.monotonic()
    while True:
        available = _available(probe)
        if available >= needed_bytes:
            return True
        waited = time.monotonic() - started
        if on_wait is not None:
            on_wait(available)
        if waited >= timeout_s or (stop is not None and stop.requested):
            return False
        time.sleep(min(1.0 / WAIT_HZ, timeout_s - waited))


def _available(probe: MemoryProbe) -> int:
    try:
        return probe.available()
    except UnreadableError:
        return 0
