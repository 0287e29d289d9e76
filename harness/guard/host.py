"""Host memory as a probe: the resident memory of the trial's process tree, and what the machine has left.

Owns the use of psutil and of the control group's limits for that. The counterpart for GPUs is `harness.guard.nvml`.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import psutil

from harness.guard.cgroup import cgroup_memory
from harness.guard.probe import MemorySample
from harness.guard.tree import ProcessTree

CGROUP_SECONDS = 0.25
"""The group's files are read at 4 Hz at most: they cost as much as everything else in a sample together."""


class HostProbe:
    """`MemoryProbe` for training on the CPU."""

    def __init__(self) -> None:
        self._tree: ProcessTree | None = None
        self._group = cgroup_memory()
        self._group_read = time.monotonic()

    @property
    def kind(self) -> str:
        """``host``."""
        return "host"

    @property
    def device_name(self) -> str:
        """The processor's model and the number of cores this process may use."""
        return f"{_processor()} ({len(os.sched_getaffinity(0))} cores)"

    def available(self) -> int:
        """Bytes that can be taken without swapping, within the control group's limit; read afresh."""
        self._group, self._group_read = cgroup_memory(), time.monotonic()
        return self._free(psutil.virtual_memory().available)

    def watch(self, pid: int) -> None:
        """Follow the tree below `pid`; a tree has no baseline, it starts from nothing."""
        self._tree = ProcessTree(pid)

    def sample(self) -> MemorySample:
        """Measure now; about 0.1 ms."""
        if time.monotonic() - self._group_read >= CGROUP_SECONDS:
            self._group, self._group_read = cgroup_memory(), time.monotonic()
        machine = psutil.virtual_memory()
        total = int(machine.total) if self._group is None else min(int(machine.total), self._group.limit_bytes)
        used = 0 if self._tree is None else self._tree.rss_bytes()
        return MemorySample(used, self._free(machine.available), total)

    def close(self) -> None:
        """Forget the tree."""
        self._tree = None

    def _free(self, available: int) -> int:
        return int(available) if self._group is None else min(int(available), self._group.free_bytes)


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
        if line.startswith(("model name", "Processor")):
            return line.partition(":")[2].strip()
    return os.uname().machine
