"""Host memory as a probe: the resident memory of the trial's process tree, and what the machine has left.

Owns the machine's side of it; the tree is `harness.guard.tree`'s, the control group's limits are `harness.guard.cgroup`'s.
The counterpart for GPUs is `harness.guard.nvml`.
"""

from __future__ import annotations

import os
import time

import psutil

from harness.files.processor import processor_name
from harness.guard.cgroup import CgroupReader
from harness.guard.probe import MemorySample
from harness.guard.procfs import KeptFile, meminfo_bytes
from harness.guard.tree import ProcessTree

FREE_SECONDS = 0.25
FASTEST_BYTES_A_SECOND = 32 << 30
"""No program fills host memory faster: what is free is not read again before it could have run out."""


class HostProbe:
    """`MemoryProbe` for training on the CPU.

    Args:
        group: Reads the limits of the control group.
    """

    def __init__(self, group: CgroupReader | None = None) -> None:
        self._tree: ProcessTree | None = None
        self._group = group or CgroupReader()
        self._meminfo = KeptFile.maybe("/proc/meminfo")
        self._machine_total = int(psutil.virtual_memory().total)
        self._free, self._total = self._read_free()

    @property
    def kind(self) -> str:
        """``host``."""
        return "host"

    @property
    def device_name(self) -> str:
        """The processor's model and the number of cores this process may use."""
        return f"{processor_name()} ({len(os.sched_getaffinity(0))} cores)"

    @property
    def notes(self) -> tuple[str, ...]:
        """Nothing: the host tells everything."""
        return ()

    def available(self) -> int:
        """Bytes that can be taken without swapping, within the control group's limit; read afresh."""
        self._group.renew()
        self._free, self._total = self._read_free()
        return self._free

    def watch(self, pid: int) -> None:
        """Follow the tree below `pid`; a tree has no baseline, it starts from nothing."""
        self.close()
        self._tree = ProcessTree(pid)

    def sample(self) -> MemorySample:
        """Measure now; about 20 us. What is free is up to 0.25 s old where so much is free that it cannot matter."""
        used = 0 if self._tree is None else self._tree.rss_bytes()
        if time.monotonic() >= self._free_due:
            self._free, self._total = self._read_free()
        return MemorySample(used, self._free, self._total)

    def own_bytes(self) -> int | None:
        """None: `used_bytes` is the tree's own already."""
        return None

    def rebase(self, own_bytes: int) -> None:
        """Nothing: there is no baseline."""

    def close(self) -> None:
        """Forget the tree."""
        if self._tree is not None:
            self._tree.close()
            self._tree = None

    def _read_free(self) -> tuple[int, int]:
        """Free and total bytes, of the machine or of the control group."""
        read = None if self._meminfo is None else meminfo_bytes(self._meminfo.read(), b"MemAvailable")
        free = int(psutil.virtual_memory().available) if read is None else read
        total, group = self._machine_total, self._group.read()
        if group is not None:
            free, total = min(free, group.free_bytes), min(total, group.limit_bytes)
        self._free_due = time.monotonic() + min(FREE_SECONDS, free / FASTEST_BYTES_A_SECOND)
        return free, total
