"""What a memory probe is: the contract that `harness.guard.nvml` and `harness.guard.host` both keep.

Owns the protocol and its one error. The sample itself is a value of `harness.core.watchdog`.
"""

from __future__ import annotations

from typing import Protocol

from harness.core.errors import ExitCode, HarnessError
from harness.core.watchdog import MemorySample

__all__ = ["DeviceLostError", "MemoryProbe", "MemorySample"]


class DeviceLostError(HarnessError):
    """The device stopped answering (fallen off the bus, driver reset): broken infrastructure, not a result."""

    def __init__(self, device: str, why: str) -> None:
        super().__init__(
            f"{device} stopped answering",
            why=why,
            fix="look at dmesg for Xid errors, reset the GPU or reboot, then run the same command again",
            code=ExitCode.ENVIRONMENT,
        )


class MemoryProbe(Protocol):
    """Looks at the memory of one device on behalf of one trial at a time.

    A probe may be opened once for a sweep: `watch` turns it to the next trial.
    """

    @property
    def kind(self) -> str:
        """``cuda`` or ``host``."""
        ...

    @property
    def device_name(self) -> str:
        """Name for people and for the run's tags."""
        ...

    def available(self) -> int:
        """Bytes that a new trial could take now.

        Raises:
            DeviceLostError: if the device does not answer.
        """
        ...

    def watch(self, pid: int) -> None:
        """Take the baseline for the process tree below `pid`, before it has allocated anything.

        Raises:
            DeviceLostError: if the device does not answer.
        """
        ...

    def sample(self) -> MemorySample:
        """Measure now; `used_bytes` is 0 before the first `watch` and after the tree is gone.

        Raises:
            DeviceLostError: if the device does not answer.
        """
        ...

    def close(self) -> None:
        """Release the driver; harmless when repeated."""
        ...
