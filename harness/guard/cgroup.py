"""What the control group of this process still allows, for cgroup v2, v1 or none.

Owns the file names below /sys/fs/cgroup. In a container the limit counts, not the machine's memory.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.guard.procfs import KeptFile

MOUNT = Path("/sys/fs/cgroup")
SELF = Path("/proc/self/cgroup")
UNLIMITED = 1 << 60
"""v1 writes "no limit" as the largest page-aligned 63-bit number; no machine has an exbibyte."""
RENEW_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class CgroupMemory:
    """The tightest memory limit above this process.

    Attributes:
        limit_bytes: The limit.
        free_bytes: Limit minus what is charged, file cache that the kernel would drop counted as free.
    """

    limit_bytes: int
    free_bytes: int


@dataclass(frozen=True, slots=True)
class _Names:
    limits: tuple[str, ...]
    current: str
    cache: bytes


_V2 = _Names(("memory.max", "memory.high"), "memory.current", b"inactive_file")
"""Above memory.high the kernel throttles every allocation to a crawl: for a trial that is as good as the end."""
_V1 = _Names(("memory.limit_in_bytes",), "memory.usage_in_bytes", b"total_inactive_file")


@dataclass(frozen=True, slots=True)
class _Level:
    """One group with a limit."""

    limit_bytes: int
    cache_bytes: int
    current: KeptFile

    def read(self) -> CgroupMemory | None:
        try:
            current = int(self.current.read())
        except (OSError, ValueError):
            return None
        return CgroupMemory(self.limit_bytes, max(0, self.limit_bytes - current + self.cache_bytes))


class CgroupReader:
    """The limits of this process's group and of every group above it, read again and again.

    What is charged is read every time; limits and the size of the file cache, which change slowly and cost ten times as
    much to read, once a second.

    Args:
        mount: Where the hierarchy is mounted.
        self_file: The process's own membership file.
    """

    def __init__(self, mount: Path = MOUNT, self_file: Path = SELF) -> None:
        self._mount = mount
        self._self_file = self_file
        self._levels: tuple[_Level, ...] = ()
        self.renew()

    def read(self) -> CgroupMemory | None:
        """The tightest now; None where nothing is limited."""
        if time.monotonic() - self._renewed >= RENEW_SECONDS:
            self.renew()
        found = [read for level in self._levels if (read := level.read()) is not None]
        return min(found, key=lambda memory: memory.free_bytes, default=None)

    def renew(self) -> None:
        """Read limits and caches now."""
        self._renewed = time.monotonic()
        for level in self._levels:
            level.current.close()
        folders = _folders(self._mount, self._self_file)
        found = (_level(folder, names) for folder, names in folders)
        self._levels = tuple(level for level in found if level is not None)


def cgroup_memory(mount: Path = MOUNT, self_file: Path = SELF) -> CgroupMemory | None:
    """Read once; see `CgroupReader`."""
    return CgroupReader(mount, self_file).read()


def _folders(mount: Path, self_file: Path) -> Iterator[tuple[Path, _Names]]:
    """Group folders, deepest first. Inside a cgroup namespace the listed path may not exist: the mount itself stands in."""
    try:
        lines = self_file.read_text("utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            base, names = mount, _V2
        elif "memory" in controllers.split(","):
            base, names = mount / "memory", _V1
        else:
            continue
        folder = base / path.lstrip("/")
        while folder != base:
            yield folder, names
            folder = folder.parent
        yield base, names


def _level(folder: Path, names: _Names) -> _Level | None:
    limits = [limit for name in names.limits if (limit := _limit(folder / name)) is not None]
    current = KeptFile.maybe(folder / names.current) if limits else None
    if current is None:
        return None
    try:
        stat = (folder / "memory.stat").read_bytes()
    except OSError:
        current.close()
        return None
    cache = next((int(line.split()[1]) for line in stat.splitlines() if line.split()[0] == names.cache), 0)
    return _Level(min(limits), cache, current)


def _limit(path: Path) -> int | None:
    try:
        limit = int(path.read_bytes())  # ValueError: v2 writes "max" for no limit
    except (OSError, ValueError):
        return None
    return limit if limit < UNLIMITED else None
