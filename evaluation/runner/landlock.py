"""Landlock domains: which files a process tree may open, no TCP, no signal or abstract socket to processes outside it.

Owns the rule sets and the ABI differences. What Landlock leaves open (chmod, utime, UDP, memory of other processes) is denied by
`seccomp`. A rule set is built once and entered by many processes; at most 16 domains nest.
Source: linux/landlock.h, Documentation/userspace-api/landlock.rst.
"""

from __future__ import annotations

import ctypes
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass

from evaluation.runner.kernel import KernelRefusedError
from evaluation.runner.syscall_numbers import SystemCall, call, prepare

CREATE_RULESET_VERSION, RULE_PATH_BENEATH = 1, 1
WRITE_FILE, READ_FILE, READ_DIR = 1 << 1, 1 << 2, 1 << 3
REMOVE_DIR, REMOVE_FILE = 1 << 4, 1 << 5
MAKE_DIR, MAKE_REG, MAKE_FIFO, MAKE_SYM = 1 << 7, 1 << 8, 1 << 10, 1 << 12
REFER, TRUNCATE = 1 << 13, 1 << 14
ALL_NETWORK = 0b11  # bind and connect TCP
ALL_SCOPES = 0b11  # abstract UNIX sockets and signals
NETWORK_ABI, SCOPE_ABI = 4, 6

# Nothing gets EXECUTE: mapping a library as executable is no execution to Landlock, and no suite needs a program.
READABLE = READ_FILE | READ_DIR
WRITABLE = READABLE | WRITE_FILE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | MAKE_FIFO | MAKE_SYM | REFER | TRUNCATE
FILE_RIGHTS = WRITE_FILE | READ_FILE | TRUNCATE


class _RulesetAttr(ctypes.Structure):
    _fields_ = (("access_fs", ctypes.c_uint64), ("access_net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _PathBeneathAttr(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"  # Python 3.14 warns where it is not named; earlier ones ignore it
    _fields_ = (("allowed", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


@dataclass(frozen=True, slots=True)
class Domain:
    """A finished rule set.

    Attributes:
        fd: Its descriptor, closed on exec. It gives nothing to a process that holds it, but can be entered again by it.
        entering: The prepared call, because runs enter right after their fork.
    """

    fd: int
    entering: SystemCall

    def enter(self) -> None:
        """Restrict this thread and all it starts, for good; nested domains add up.

        Call it with no_new_privs set and while the process has one thread.

        Raises:
            KernelRefusedError: if the kernel refuses: no no_new_privs, or 16 domains already.
        """
        self.entering.make()

    def close(self) -> None:
        """Close the descriptor; processes that entered stay restricted."""
        os.close(self.fd)


def abi() -> int:
    """The Landlock version of the kernel; 0 where it is absent, disabled or hidden by an enclosing sandbox."""
    try:
        return call("landlock_create_ruleset", None, 0, CREATE_RULESET_VERSION)
    except KernelRefusedError:
        return 0


def handled_rights(version: int) -> int:
    """Every file access right that an ABI knows: 13 rights, then REFER (2), TRUNCATE (3) and IOCTL_DEV (5).

    Args:
        version: What `abi` answered.
    """
    known = 13 + (version >= 2) + (version >= 3) + (version >= 5)
    return (1 << known) - 1


def file_domain(readable: Iterable[str], writable: Iterable[str]) -> Domain:
    """Allow reading beneath some paths and changing beneath others; nothing else, no program, no TCP, no signal outwards.

    Paths that are missing or beyond this user's reach are skipped, which only narrows what is allowed. Under ABI 1 files cannot
    be moved between folders; under ABI 1 and 2 a readable file can be truncated unless `seccomp.base_filter` guards it.

    Args:
        readable: Files and folders to read and list.
        writable: Files and folders to read and change; devices and sockets cannot be made there.

    Raises:
        KernelRefusedError: if Landlock is absent or refuses.
    """
    version = abi()
    if version == 0:
        raise KernelRefusedError("landlock: absent or disabled")
    domain = _ruleset(version, handled_rights(version))
    try:
        for rights, paths in ((READABLE, readable), (WRITABLE, writable)):
            for path in paths:
                _allow(domain, path, rights & handled_rights(version))
    except BaseException:
        domain.close()
        raise
    return domain


def scope_domain() -> Domain | None:
    """Cut off signals and abstract sockets to all processes that did not enter with or below the caller.

    Returns:
        The domain, or None below ABI 6, which has no scopes.

    Raises:
        KernelRefusedError: if the kernel refuses.
    """
    if abi() < SCOPE_ABI:
        return None
    domain = _ruleset(SCOPE_ABI, REFER, network=False)
    # A rule set that does not grant REFER takes it away, handled or not: files could not be moved between folders.
    _allow(domain, "/", REFER)
    return domain


def _ruleset(version: int, files: int, *, network: bool = True) -> Domain:
    attr = _RulesetAttr(
        access_fs=files,
        access_net=ALL_NETWORK if network and version >= NETWORK_ABI else 0,
        scoped=ALL_SCOPES if version >= SCOPE_ABI else 0,
    )
    fd = call("landlock_create_ruleset", ctypes.byref(attr), ctypes.sizeof(attr), 0)
    return Domain(fd, prepare("landlock_restrict_self", fd, 0))


def _allow(domain: Domain, path: str, rights: int) -> None:
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return
    except OSError as error:
        raise KernelRefusedError(f"landlock: {path}: {error.strerror}") from error
    try:
        if not stat.S_ISDIR(os.fstat(fd).st_mode):
            rights &= FILE_RIGHTS
        rule = _PathBeneathAttr(allowed=rights, parent_fd=fd)
        call("landlock_add_rule", domain.fd, RULE_PATH_BENEATH, ctypes.byref(rule), 0)
    finally:
        os.close(fd)
