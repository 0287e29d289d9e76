"""What a memory probe is: the contract that `harness.guard.nvml` and `harness.guard.host` both keep.

Owns the protocol and its two errors. The sample itself is a value of `harness.core.watchdog`.
"""

from __future__ import annotations

from typing import Protocol

from harness.core.errors import ExitCode, HarnessError
from harness.core.watchdog import MemorySample

__all__ = ["DeviceLostError", "MemoryProbe", "MemorySample", "UnreadableError"]


class DeviceLostError(HarnessError):
    """The device stopped answering (fallen off the bus, driver reset): broken infrastructure, not a result."""

    def __init__(self, device: str, why: str) -> None:
        super().__init__(
            f"{device} stopped answering",
            why=why,
            fix="look at dmesg for Xid errors, reset the GPU or reboot, then run the same command again",
            code=ExitCode.ENVIRONMENT,
        )


class UnreadableError(HarnessError):
    """The device's memory could not be read this time, though the device itself may well go on working."""

    def __init__(self, device: str, why: str) -> None:
        super().__init__(
            f"the memory of {device} cannot be read",
            why=why,
            fix="see whether nvidia-smi still works; after a driver update, reboot",
            code=ExitCode.ENVIRONMENT,
        )


class MemoryProbe(Protocol):
    """Looks at the memory of one device on behalf of one trial at a time.

    A probe may be opened once for a sweep: `watch` turns it to the next trial. Whatever reads the device raises
    `DeviceLostError` where the device is gone and `UnreadableError` where it merely cannot be read.
    """

    @property
    def kind(self) -> str:
        """``cuda`` or ``host``."""
        ...

    @property
    def device_name(self) -> str:
        """Name for people and for the run's tags."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What this probe found that it cannot see, one sentence each, each once."""
        ...

    def available(self) -> int:
        """Bytes that a new trial could take now.

        Raises:
            DeviceLostError: if the device is gone.
            UnreadableError: if it cannot be read.
        """
        ...

    def watch(self, pid: int) -> None:
        """Take the baseline for the process tree below `pid`, before it has allocated anything.

        Raises:
            DeviceLostError: if the device is gone.
            UnreadableError: if it cannot be read; there is no baseline then.
        """
        ...

    def sample(self) -> MemorySample:
        """Measure now; `used_bytes` is 0 before the first `watch` and after the tree is gone.

        Raises:
            DeviceLostError: if the device is gone.
            UnreadableError: if it cannot be read.
        """
        ...

    def own_bytes(self) -> int | None:
        """What the driver lists for the watched tree alone.

        None where `used_bytes` is that already, and where the driver does not tell. Ask seldom: it can hold the driver's
        global lock for milliseconds.
        """
        ...

    def rebase(self, own_bytes: int) -> None:
        """Move the baseline so that the tree takes `own_bytes` now: a neighbour took or gave the rest."""
        ...

    def close(self) -> None:
        """Release the driver; harmless when repeated."""
        ...
