"""How the runner process is fenced in, what this machine can do, and how the runner is started and ended.

Three levels: ``bwrap`` (own root file system, no network, own PID namespace), ``namespaces`` (the same by plain kernel
calls, but the file system stays readable), ``rlimits`` (limits and a clean environment only). Each is tried, never assumed.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from evaluation.bytecode import PACKAGE, boot, python
from evaluation.errors import SandboxUnavailableError

BOOT = boot("from evaluation.runner.main import main; main(sys.argv[2], sys.argv[3], int(sys.argv[4]))")
BOX = "/box"
DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")
SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime")
PROBE_TIMEOUT_S = 10.0
CANCEL_POLL_S = 0.25


class Level(StrEnum):
    """Strength of the fence, strongest first."""

    BWRAP = "bwrap"
    NAMESPACES = "namespaces"
    RLIMITS = "rlimits"


@dataclass(frozen=True, slots=True)
class SandboxStrength:
    """What the fence on this machine keeps out.

    Attributes:
        level: The strongest level that works here.
        network_isolated: Suites reach no network, loopback of the machine included.
        filesystem_isolated: Suites see only Python and system libraries, and write only to their own folder.
        detail: One line for a person: what is missing, and how to get it.
    """

    level: str
    network_isolated: bool
    filesystem_isolated: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Ended:
    """How a runner process ended. `returncode` None: it was killed at its time limit."""

    returncode: int | None
    stdout: str
    stderr: str


def sandbox_strength() -> SandboxStrength:
    """The strongest fence that works here, tried for real (some 50 ms); raises nothing."""
    with contextlib.suppress(OSError, SandboxUnavailableError):
        return strength_of(choose("auto"))
    return SandboxStrength("none", network_isolated=False, filesystem_isolated=False, detail="no process can be started")


def strength_of(level: Level) -> SandboxStrength:
    """What one level keeps out."""
    if level is Level.BWRAP:
        return SandboxStrength(level, True, True, "bubblewrap: no network, own file system, own processes")
    missing = "install bubblewrap for the full fence"
    if level is Level.NAMESPACES:
        detail = f"kernel namespaces: no network, own processes, file system readable but not writable; {missing}"
        return SandboxStrength(level, True, False, detail)
    detail = f"limits only: suites reach the network and every file of this user; {missing}, or allow user namespaces"
    return SandboxStrength(level, False, False, detail)


def choose(requested: str) -> Level:
    """The level to use.

    Args:
        requested: ``auto`` or a level's name.

    Raises:
        SandboxUnavailableError: if the level does not work here.
    """
    wanted = list(Level) if requested == "auto" else [Level(requested)]
    reasons = []
    for level in wanted:
        reason = probe(level)
        if reason is None:
            return level
        reasons.append(f"{level}: {reason}")
    fix = "install bubblewrap, allow user namespaces, or set sandbox to auto"
    raise SandboxUnavailableError(f"the sandbox {requested!r} does not work here", why="; ".join(reasons), fix=fix)


def probe(level: Level) -> str | None:
    """Start and end a runner in this level; the reason why it does not work, or None."""
    if level is Level.BWRAP and shutil.which("bwrap") is None:
        return "bwrap is not installed"
    try:
        ended = run_fenced(level, "", PROBE_TIMEOUT_S)
    except OSError as error:
        return str(error)
    if ended.returncode == 0 and ended.stdout == "{}":
        return None
    return (ended.stderr.strip().splitlines() or [f"exit status {ended.returncode}"])[-1]


def run_fenced(
    level: Level, text: str, timeout_s: float, cancel: threading.Event | None = None, bytecode: Path | None = None
) -> Ended:
    """Start a runner, hand it `text`, and wait. Whatever happens, none of its processes is left.

    Args:
        level: The fence.
        text: A job as JSON, or nothing for a probe.
        timeout_s: Wall seconds; a backstop above the runner's own limits.
        cancel: Ends the wait when set.
        bytecode: From `evaluation.bytecode.compiled`, or None.
    """
    with runner_folder(level) as folder:
        process = subprocess.Popen(
            command(level, folder, bytecode),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(folder),
            cwd=BOX if folder == BOX and Path(BOX).is_dir() else "/",
            start_new_session=True,
        )
        try:
            return _talk(process, text, time.monotonic() + timeout_s, cancel)
        finally:
            end_runner(process, level)


def _talk(process: subprocess.Popen[bytes], text: str, deadline: float, cancel: threading.Event | None) -> Ended:
    data: bytes | None = text.encode("ascii")
    while time.monotonic() < deadline and not (cancel and cancel.is_set()):
        try:
            out, err = process.communicate(data, timeout=CANCEL_POLL_S)
        except subprocess.TimeoutExpired:
            data = None  # already taken over by the first call
        else:
            return Ended(process.returncode, out.decode("utf-8", "replace"), err.decode("utf-8", "replace"))
    return Ended(None, "", "no answer in time")


@contextlib.contextmanager
def runner_folder(level: Level) -> Iterator[str]:
    """The folder that the suite sees as its own; inside bwrap it exists only there."""
    if level is Level.BWRAP:
        yield BOX
        return
    with tempfile.TemporaryDirectory(prefix="evaluation-", ignore_cleanup_errors=True) as folder:
        yield folder


def environment(folder: str) -> dict[str, str]:
    """Everything a suite finds in `os.environ`: the same on every run and machine, apart from the folder."""
    fixed = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "TZ": "UTC", "PYTHONHASHSEED": "0", "COVERAGE_CORE": "ctrace"}
    return {**fixed, "HOME": folder, "TMPDIR": folder, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


def command(level: Level, folder: str, bytecode: Path | None) -> list[str]:
    """The command line of a runner. Inside bwrap the parent is out of sight: bwrap itself dies with it."""
    parent = "0" if level is Level.BWRAP else str(os.getpid())
    runner = [*python(bytecode), "-c", BOOT, str(PACKAGE), level, folder, parent]
    return [*_bwrap(folder, bytecode), *runner] if level is Level.BWRAP else runner


def _bwrap(folder: str, bytecode: Path | None) -> list[str]:
    options = ["bwrap", "--unshare-all", "--die-with-parent", "--cap-drop", "ALL", "--uid", "65534", "--gid", "65534"]
    for name, value in environment(folder).items():
        options += ["--setenv", name, value]
    for path in [*_readable(), *([] if bytecode is None else [str(bytecode)])]:
        options += ["--ro-bind-try", path, path]
    for device in DEVICES:
        options += ["--dev-bind", device, device]
    size = ["--size", str(64 << 20)] if _bwrap_sizes() else []
    return [*options, *size, "--tmpfs", folder, "--remount-ro", "/", "--chdir", folder, "--"]


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


def end_runner(process: subprocess.Popen[bytes], level: Level) -> None:
    """Kill a runner that still lives, with all it started.

    In a PID namespace killing the runner takes everything along. Without one its descendants are killed first, while it
    is stopped and still their reaper.
    """
    if process.poll() is None:
        if level is Level.RLIMITS:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGSTOP)
            _kill_descendants(process.pid)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()


def _kill_descendants(pid: int) -> None:
    deadline = time.monotonic() + 5.0
    while time.monotonic() < deadline:
        living = [child for child in _descendants(pid) if _state(child) not in {"Z", "X", ""}]
        if not living:
            return
        for child in living:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(child, signal.SIGKILL)
        time.sleep(0.001)


def _descendants(pid: int) -> list[int]:
    found: list[int] = []
    waiting = [pid]
    while waiting:
        parent = waiting.pop()
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                children = [int(child) for child in task.read_text("ascii").split()]
                found += children
                waiting += children
    return found


def _state(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text("ascii", errors="replace").rsplit(")", 1)[1].split()[0]
    return ""
