"""What the driver lists for the processes of one trial: a bonus where it can be trusted, never the measure itself.

Owns when they are not believed; how often they are read is `harness.guard.shares`'s. In a container the driver may list the
host's pids, under WSL2 and WDDM it lists no memory, and without rights it lists nothing.
"""

from __future__ import annotations

import os
from contextlib import suppress

import pynvml

from harness.guard.tree import ProcessTree

INITIAL_PID_NAMESPACE = 0xEFFFFFFC
"""Inode of the first pid namespace. Source: include/linux/proc_ns.h, PROC_PID_INIT_INO."""


class ProcessLists:
    """The driver's compute processes of one device, seen from one trial.

    Args:
        handle: pynvml's handle of the device.
    """

    def __init__(self, handle: object) -> None:
        self._handle = handle
        self._pid: int | None = None
        self._before: frozenset[int] = frozenset()
        self.notes: tuple[str, ...] = ()

    def watch(self, pid: int) -> None:
        """Remember who is there before the tree below `pid` takes anything."""
        self._pid, self._before = pid, frozenset()
        with suppress(pynvml.NVMLError):
            self._before = frozenset(pid for pid, _ in self._list())

    def own_bytes(self) -> int | None:
        """Bytes listed for the tree; None where that is unknown."""
        if self._pid is None:
            return None
        try:
            listed = self._list()
        except pynvml.NVMLError as error:
            return self._note(f"NVML: {error}")
        members = _members(self._pid)
        own = [size for pid, size in listed if pid in members]
        sizes = [size for size in own if size is not None]
        if members & self._before:
            return self._note("it lists pids of another pid namespace")
        if not own:
            return self._note(_missing())
        return sum(sizes) if len(sizes) == len(own) else self._note("it lists them without a size")

    def _list(self) -> list[tuple[int, int | None]]:
        # pynvml's name without _v3 raises something that is no NVMLError where the driver lacks the function.
        processes = pynvml.nvmlDeviceGetComputeRunningProcesses_v3(self._handle)
        return [(int(process.pid), process.usedGpuMemory) for process in processes]

    def _note(self, why: str) -> int | None:
        note = f"the driver does not tell what the trial's processes take ({why}): the fall of free memory counts alone"
        self.notes = self.notes or (note,)
        return None


def _members(pid: int) -> frozenset[int]:
    tree = ProcessTree(pid)
    try:
        return tree.pids()
    finally:
        tree.close()


def _missing() -> str:
    inside = os.stat("/proc/self/ns/pid").st_ino != INITIAL_PID_NAMESPACE  # noqa: PTH116 - no path is handled
    return "in a container it lists the host's pids, or none" if inside else "it does not list them"
