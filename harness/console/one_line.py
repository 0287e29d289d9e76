"""Progress on one line of a terminal, told over what was told before."""

from __future__ import annotations

from collections.abc import Callable
from typing import TextIO


def progress(screen: TextIO) -> Callable[[str], None]:
    """Tells one line over the other on a terminal, and nothing anywhere else."""
    last = ""

    def say(line: str) -> None:
        nonlocal last
        if screen.isatty() and line != last:
            screen.write(f"\r\x1b[K{line}")
            screen.flush()
            last = line

    return say
