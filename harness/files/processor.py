"""What the kernel says of the processor."""

from __future__ import annotations

import platform
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")


def cpuinfo(path: Path = CPUINFO) -> str:
    """The text of /proc/cpuinfo; empty where the kernel keeps none."""
    return path.read_text("utf-8", "replace") if path.exists() else ""


def processor_name(path: Path = CPUINFO) -> str:
    """The processor's model; the machine's kind where the kernel does not say."""
    told = (line.partition(":")[2].strip() for line in cpuinfo(path).splitlines() if line.startswith(("model name", "Processor")))
    return next(told, platform.machine())
