"""What stands outside of the sandbox to be attacked, and the look at it afterwards.

Owns the baits: files, sockets, a process, a secret in the environment. Knows neither the attacks nor the engine.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import stat
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import pytest

SECRET_NAME = "HARNESS_TEST_SECRET"
SHARED_PLACES = ("/tmp", "/var/tmp", "/dev/shm", "/run", "/run/lock", "/dev/mqueue")
KERNEL_LISTS = ("/proc/sysvipc/shm", "/proc/sysvipc/sem", "/proc/sysvipc/msg")
PROJECT = Path(__file__).parents[1]


@dataclass(slots=True)
class Site:
    """The baits of one attack.

    Attributes:
        folder: Everybody may write there.
        places: What the attack is told, by the name between its @ signs.
        listeners: Sockets that nobody must reach, by kind.
        before: What the folder held at first.
    """

    folder: Path
    places: dict[str, str]
    listeners: dict[str, socket.socket] = field(default_factory=dict)
    before: dict[str, object] = field(default_factory=dict)

    def changes(self) -> str:
        """What is not as it was, or an empty string."""
        now = _snapshot(self.folder)
        found = [f"{name} changed" for name in sorted(now.keys() | self.before.keys()) if now.get(name) != self.before.get(name)]
        return "; ".join(found + [f"reached by {kind}" for kind, one in self.listeners.items() if _reached(one)])


class World:
    """All baits of a batch, below one temporary folder; a context manager.

    Attributes:
        cache: For the engine: the mark that its processes carry in their command line.
        temporary: What TMPDIR is during the batch.
        secret: The token that must not come back in an answer.
    """

    def __init__(self) -> None:
        self.secret = secrets.token_hex(16)
        self.root = Path(tempfile.mkdtemp(prefix="attacked-"))
        self.cache, self.temporary, self.home = self.root / "cache", self.root / "tmp", self.root / "home"
        self._sites: list[Site] = []
        self._victim: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.root.chmod(0o755)
        for folder in (self.cache, self.temporary, self.home / ".ssh"):
            folder.mkdir(parents=True)
        (self.home / ".ssh" / "id_rsa").write_text(self.secret, "ascii")
        os.environ |= {SECRET_NAME: self.secret, "TMPDIR": str(self.temporary), "HOME": str(self.home)}
        tempfile.tempdir = None  # read anew
        self._victim = subprocess.Popen(["sleep", "600"], start_new_session=True)
        self._lists = _kernel_lists()
        time.sleep(0.05)  # until it has become `sleep`
        self._victim_before = _process(self._victim.pid)
        return self

    def site(self, name: str) -> Site:
        """Baits for one more attack."""
        folder = self.root / "outside" / str(len(self._sites))
        (folder / "empty").mkdir(parents=True)
        (folder / "secret").write_text(self.secret, "ascii")
        (folder / "bait").write_text("bait", "ascii")
        for path, mode in ((folder, 0o777), (folder / "empty", 0o777), (folder / "bait", 0o666), (folder / "secret", 0o644)):
            path.chmod(mode)
        mark = f"mark-{self.secret[:8]}-{len(self._sites)}"
        listeners = _listeners(folder, mark)
        ports = {kind: str(listeners[kind].getsockname()[1]) for kind in ("TCP", "UDP")}
        assert self._victim is not None
        places = {
            "OUT": str(folder),
            "MARK": mark,
            "VICTIM": str(self._victim.pid),
            "HOME": str(self.home),
            "TMP": str(self.temporary),
        }
        made = Site(folder, places | ports | {"CACHE": str(self.cache), "PROJECT": str(PROJECT)}, listeners)
        made.before = _snapshot(folder)
        self._sites.append(made)
        return made

    def leftovers(self) -> str:
        """What the batch left on the machine, or did to the victim; an empty string where there is nothing."""
        assert self._victim is not None
        found = [f"process {pid}" for pid in _living(str(self.cache))]
        found += [str(path) for path in (*self.temporary.iterdir(), *self._marked())]
        now = _kernel_lists()
        found += [f"a new line in {name}" for name in now if now[name] - self._lists[name]]
        if _process(self._victim.pid) != self._victim_before:
            found.append(f"the victim is {_process(self._victim.pid)}, was {self._victim_before}")
        return "; ".join(found)

    def _marked(self) -> list[Path]:
        """Files that attacks made in places that outlive a run; they are told to use their mark as the name."""
        places = [*map(Path, SHARED_PLACES), self.cache, Path(pytest.__file__).parents[1]]
        return [path for place in places for path in place.glob(f"mark-{self.secret[:8]}*")]

    def __exit__(self, *_: object) -> None:
        if self._victim is not None:
            self._victim.send_signal(signal.SIGKILL)
            self._victim.wait()
        for site in self._sites:
            for one in site.listeners.values():
                one.close()
        for path in self._marked():
            path.unlink()
        subprocess.run(["rm", "-rf", str(self.root)], check=False)  # what an attack left may be too deep for shutil


def _listeners(folder: Path, mark: str) -> dict[str, socket.socket]:
    made = {
        "TCP": socket.create_server(("127.0.0.1", 0)),
        "UDP": socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
        "UNIX": socket.socket(socket.AF_UNIX),
        "abstract": socket.socket(socket.AF_UNIX),
    }
    made["UDP"].bind(("127.0.0.1", 0))
    for kind, name in (("UNIX", str(folder / "socket")), ("abstract", f"\0{mark}")):
        made[kind].bind(name)
        made[kind].listen()
    (folder / "socket").chmod(0o777)
    for one in made.values():
        one.setblocking(False)
    return made


def _reached(listener: socket.socket) -> bool:
    try:
        if listener.type == socket.SOCK_DGRAM:
            listener.recv(16)
        else:
            listener.accept()[0].close()
    except BlockingIOError:
        return False
    return True


def _snapshot(folder: Path) -> dict[str, object]:
    """Everything about the files of a folder but the time of the last reading."""
    found: dict[str, object] = {}
    for path in (folder, *folder.rglob("*")):
        seen = path.lstat()
        content = path.read_bytes() if stat.S_ISREG(seen.st_mode) else b""
        owner = (seen.st_mode, seen.st_uid, seen.st_gid, seen.st_nlink, seen.st_mtime_ns, seen.st_ctime_ns)
        found[str(path.relative_to(folder))] = (owner, content, tuple(os.listxattr(path, follow_symlinks=False)))
    return found


def _process(pid: int) -> tuple[object, ...]:
    """State, priority, scheduling and limits of a process, or what became of it."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("ascii").rsplit(")", 1)[1].split()
        limits = Path(f"/proc/{pid}/limits").read_text("ascii")
        return fields[0], fields[15], fields[16], fields[38], tuple(sorted(os.sched_getaffinity(pid))), limits
    except OSError as error:
        return ("gone", str(error.strerror))


def _living(mark: str) -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark.encode() in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
    return found


def _kernel_lists() -> dict[str, frozenset[str]]:
    """Owner and id of what lives in the kernel without a process; numbers that change by themselves are left out."""
    found = {}
    for name in KERNEL_LISTS:
        with contextlib.suppress(OSError):
            found[name] = frozenset(" ".join(line.split()[:2]) for line in Path(name).read_text("ascii").splitlines()[1:])
    return found
