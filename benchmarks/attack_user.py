"""Runs a command as an ordinary user, even where Python lies below a folder that only root can enter.

Owns that and nothing else. In a mount namespace of the command's own, closed folders on the way are covered by an open, empty one
that holds only what has to be reached. Takes root, and util-linux.
"""

from __future__ import annotations

import shlex
import stat
import sys
from collections.abc import Iterable
from pathlib import Path

PROJECT = Path(__file__).parents[1]


def command_as(user: int | None, command: list[str]) -> list[str]:
    """The command line that runs `command` as `user`.

    Args:
        user: User and group id, without supplementary groups; None stays what it is.
        command: Program and arguments.
    """
    if user is None:
        return command
    switch = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--", *command]
    opened = _opened({Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable).resolve().parent.parent, PROJECT})
    return (
        ["unshare", "--mount", "--propagation", "private", "sh", "-ec", f"{opened}\nexec {shlex.join(switch)}"]
        if opened
        else switch
    )


def _opened(wanted: Iterable[Path]) -> str:
    """Shell commands that make `wanted` reachable for everybody."""
    closed: dict[Path, list[Path]] = {}
    for path in sorted({path.absolute() for path in wanted}):
        barred = next((folder for folder in reversed(path.parents) if not _open_to_all(folder)), None)
        if barred is not None:
            closed.setdefault(barred, []).append(path)
    lines = []
    for folder, paths in closed.items():
        # The folder stays reachable through its descriptor while it is covered.
        lines += [f"exec 9<{shlex.quote(str(folder))}", f"mount -t tmpfs -o mode=755 tmpfs {shlex.quote(str(folder))}"]
        for path in paths:
            place = shlex.quote(str(path))
            lines += [
                f"mkdir -p {place}",
                f"mount --no-canonicalize --rbind /proc/self/fd/9/{shlex.quote(str(path.relative_to(folder)))} {place}",
            ]
        lines.append("exec 9<&-")
    return "\n".join(lines)


def _open_to_all(folder: Path) -> bool:
    return bool(folder.stat().st_mode & stat.S_IXOTH)
