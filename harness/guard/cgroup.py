"""What the control group of this process still allows, for cgroup v2, v1 or none.

Owns the file names below /sys/fs/cgroup. In a container the limit counts, not the machine's memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MOUNT = Path("/sys/fs/cgroup")
SELF = Path("/proc/self/cgroup")
UNLIMITED = 1 << 60
"""v1 writes "no limit" as the largest page-aligned 63-bit number; no machine has an exbibyte."""


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
    limit: str
    current: str
    cache: str


_V2 = _Names("memory.max", "memory.current", "inactive_file")
_V1 = _Names("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


def cgroup_memory(mount: Path = MOUNT, self_file: Path = SELF) -> CgroupMemory | None:
    """Read the limits of this process's group and of every group above it; None where nothing is limited.

    Args:
        mount: Where the hierarchy is mounted.
        self_file: The process's own membership file.
    """
    found = [read for folder, names in _folders(mount, self_file) if (read := _read(folder, names)) is not None]
    return min(found, key=lambda memory: memory.free_bytes, default=None)


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


def _read(folder: Path, names: _Names) -> CgroupMemory | None:
    try:
        limit = int((folder / names.limit).read_text("ascii"))  # ValueError: v2 writes "max" for no limit
        current = int((folder / names.current).read_text("ascii"))
        stat = (folder / "memory.stat").read_text("ascii")
    except (OSError, ValueError):
        return None
    if limit >= UNLIMITED:
        return None
    cache = next((int(line.split()[1]) for line in stat.splitlines() if line.split()[0] == names.cache), 0)
    return CgroupMemory(limit, max(0, limit - current + cache))
