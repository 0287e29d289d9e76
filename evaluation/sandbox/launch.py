"""How a zygote is started: its command line, its environment, what it may read, and as which user. Starts nothing itself."""

from __future__ import annotations

import functools
import itertools
import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from evaluation.bytecode import PACKAGE, boot, python
from evaluation.runner import identity, landlock, seccomp
from evaluation.runner.confine import DEVICES, Plan
from evaluation.runner.forks import MAX_FOLDER_BYTES

BOOT = boot("from evaluation.runner.main import main; main(sys.argv[2])")
BOX = "/box"
SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime")
CAPABILITIES = ("SETUID", "SETGID", "SETPCAP", "CHOWN", "DAC_READ_SEARCH")
SLOTS = 180


class Level(StrEnum):
    """What stands around the zygote, strongest first; Landlock, seccomp and limits stand behind each."""

    BWRAP = "bwrap"
    NAMESPACES = "namespaces"
    BARE = "bare"


@dataclass(frozen=True, slots=True)
class Fence:
    """The layers in use.

    Attributes:
        level: What stands around the zygote.
        landlock: Whether Landlock is one of them.
        seccomp: Whether seccomp is one of them.
    """

    level: Level
    landlock: bool = True
    seccomp: bool = True

    def missing(self) -> tuple[str, ...]:
        """Layers of the floor that are not in use."""
        return tuple(name for name in ("landlock", "seccomp") if not getattr(self, name))


@functools.cache
def floor() -> tuple[bool, bool]:
    """Whether this machine has Landlock, and seccomp."""
    return landlock.abi() > 0, seccomp.available()


_slots = itertools.count()


def plan(fence: Fence, folder: str, bytecode: Path | None) -> Plan:
    """What a new zygote is told."""
    spare = identity.spare_uid(next(_slots) % SLOTS) if identity.can_switch() else 0
    parent = 0 if fence.level is Level.BWRAP else os.getpid()
    readable = (*_readable(), *([] if bytecode is None else [str(bytecode)]))
    return Plan(fence.level, folder, readable, spare, parent, fence.landlock, fence.seccomp)


def environment(folder: str, hash_seed: int) -> dict[str, str]:
    """Everything a suite finds in `os.environ`: the same on every run and machine, apart from the folder."""
    fixed = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "TZ": "UTC", "COVERAGE_CORE": "ctrace"}
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    own = {"HOME": folder, "TMPDIR": folder, "PYTHONHASHSEED": str(hash_seed), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return {**fixed, **threads, **own}


def command(made: Plan, bytecode: Path | None, environ: dict[str, str]) -> list[str]:
    """The command line of a zygote."""
    return fenced(made, [*python(bytecode), "-c", BOOT, str(PACKAGE), json.dumps(asdict(made))], environ)


def fenced(made: Plan, program: list[str], environ: dict[str, str]) -> list[str]:
    """The command line of a program that enters the plan by itself (`evaluation.runner.confine`), with what stands around it."""
    return [*_bwrap(made, environ), *program] if made.level == Level.BWRAP else program


def _bwrap(made: Plan, environ: dict[str, str]) -> list[str]:
    own = ("ipc", "pid", "net", "uts", "cgroup-try")
    options = ["bwrap", "--die-with-parent", *(f"--unshare-{what}" for what in own)]
    if made.spare_uid:
        # Root stays in its user namespace, to become another user inside: RLIMIT_NPROC binds that one.
        options += ["--cap-drop", "ALL", *(part for name in CAPABILITIES for part in ("--cap-add", f"CAP_{name}"))]
    else:
        options += ["--unshare-user", "--cap-drop", "ALL", "--uid", "65534", "--gid", "65534"]
    for name, value in environ.items():
        options += ["--setenv", name, value]
    for path in made.readable:
        options += ["--ro-bind-try", path, path]
    for device in DEVICES:
        options += ["--dev-bind", device, device]
    size = ["--size", str(MAX_FOLDER_BYTES)] if _bwrap_sizes() else []
    return [*options, *size, "--tmpfs", made.folder, "--remount-ro", "/", "--chdir", made.folder, "--"]


@functools.cache
def _readable() -> tuple[str, ...]:
    """Python, its packages and this one, and the system's libraries: outer folders first."""
    homes = {Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable).resolve().parent.parent, PACKAGE}
    homes |= {home.resolve() for home in homes}
    system = [Path(path) for path in SYSTEM]
    inner = [home for home in homes if not any(home.is_relative_to(path) for path in system)]
    return tuple(str(path) for path in [*system, *sorted(inner)])


@functools.cache
def _bwrap_sizes() -> bool:
    shown = subprocess.run(["bwrap", "--help"], capture_output=True, text=True, check=False)
    return "--size" in shown.stdout + shown.stderr
