"""The few kernel calls Python 3.11 lacks: namespaces, mounts, capabilities, process control. Linux only, through ctypes."""

from __future__ import annotations

import ctypes
import functools
import os
import signal
from pathlib import Path

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
MS_NOSUID, MS_NODEV, MS_REC, MS_PRIVATE = 2, 4, 0x4000, 1 << 18
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 4, 36, 38
SYS_MOUNT_SETATTR = 442  # the same number on every architecture
AT_FDCWD, AT_RECURSIVE, MOUNT_ATTR_RDONLY = -100, 0x8000, 1
CAPABILITY_VERSION_3 = 0x20080522
NOBODY = 65534
FOLDER_BYTES = 64 << 20
FIRST_PIDS = 3  # process 1 of a PID namespace, or 2 behind bwrap's own


class KernelRefusedError(Exception):
    """A kernel call failed; the message names it."""


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _check(name: str, result: int) -> None:
    if result != 0:
        raise KernelRefusedError(f"{name}: {os.strerror(ctypes.get_errno())}")


def harden(parent: int) -> None:
    """Die with the parent, gain nothing by exec, be no target of ptrace, inherit orphans.

    Args:
        parent: Process id of the parent as seen here; 0 skips the check that it still lives.

    Raises:
        KernelRefusedError: if the kernel refuses, or the parent has already ended.
    """
    libc = _libc()
    calls = ((PR_SET_PDEATHSIG, signal.SIGKILL), (PR_SET_NO_NEW_PRIVS, 1), (PR_SET_DUMPABLE, 0), (PR_SET_CHILD_SUBREAPER, 1))
    for option, value in calls:
        _check(f"prctl({option})", libc.prctl(option, int(value), 0, 0, 0))
    if parent and os.getppid() != parent:
        raise KernelRefusedError("the parent has ended")


def die_with_parent() -> None:
    """Be killed when the parent ends; the setting does not survive a fork or a change of user."""
    _libc().prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)


def enter_namespaces(folder: str) -> None:
    """Continue as process 1 of new PID, network, mount, IPC and UTS namespaces, and of a user namespace unless this is root.

    Root keeps its user namespace, so that it can become another user afterwards: RLIMIT_NPROC never binds root, also not
    under another name. The caller's process waits and leaves with the same status. Everything but `folder`, a new tmpfs,
    becomes read-only; /proc is hidden.

    Raises:
        KernelRefusedError: if the kernel refuses a step.
    """
    libc = _libc()
    flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS
    root = os.getuid() == 0 and libc.unshare(flags) == 0
    if not root:
        _enter_user_namespace(libc, flags)
    pid = os.fork()
    if pid:
        _wait_and_leave(pid)
    die_with_parent()
    _mounts(libc, folder)
    if not root:
        _drop_capabilities(libc)


def _enter_user_namespace(libc: ctypes.CDLL, flags: int) -> None:
    user, group = os.getuid(), os.getgid()
    _check("unshare", libc.unshare(CLONE_NEWUSER | flags))
    # The maps of a process that cannot be dumped belong to root; `harden` follows once more.
    libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)
    try:
        Path("/proc/self/setgroups").write_text("deny", "ascii")
        Path("/proc/self/uid_map").write_text(f"{NOBODY} {user} 1", "ascii")
        Path("/proc/self/gid_map").write_text(f"{NOBODY} {group} 1", "ascii")
    except OSError as error:
        raise KernelRefusedError(f"uid_map: {error.strerror}") from error


def _wait_and_leave(pid: int) -> None:
    os.closerange(0, 256)
    _, status = os.waitpid(pid, 0)
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


class _MountAttr(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_uint64) for name in ("attr_set", "attr_clr", "propagation", "userns_fd"))


def _mounts(libc: ctypes.CDLL, folder: str) -> None:
    size = f"size={FOLDER_BYTES}".encode()
    _check("mount(private)", libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None))
    _check("mount(folder)", libc.mount(b"tmpfs", folder.encode(), b"tmpfs", MS_NOSUID | MS_NODEV, size))
    _check("mount(/proc)", libc.mount(b"tmpfs", b"/proc", b"tmpfs", MS_NOSUID | MS_NODEV, b"size=4096"))
    _set_mount(libc, "/", _MountAttr(attr_set=MOUNT_ATTR_RDONLY), AT_RECURSIVE)
    _set_mount(libc, folder, _MountAttr(attr_clr=MOUNT_ATTR_RDONLY), 0)


def _set_mount(libc: ctypes.CDLL, path: str, attr: _MountAttr, flags: int) -> None:
    call = (SYS_MOUNT_SETATTR, AT_FDCWD, path.encode(), flags, ctypes.byref(attr), ctypes.c_size_t(ctypes.sizeof(attr)))
    _check("mount_setattr", libc.syscall(*call))


def _drop_capabilities(libc: ctypes.CDLL) -> None:
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    _check("capset", libc.capset(header, (ctypes.c_uint32 * 6)()))
