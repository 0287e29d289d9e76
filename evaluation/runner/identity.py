"""The user that hostile code runs as: leaves root for a spare user without capabilities.

Owns the switch and the choice of ids. Does not map ids into a user namespace and does not set limits.
Source: user_namespaces(7), capabilities(7), getrlimit(2).
"""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

from evaluation.runner.kernel import CAPABILITY_VERSION_3, KernelRefusedError
from evaluation.runner.syscall_numbers import call

# Between the ranges of systemd: 60,001-60,577 are home and mapped users, from 61,184 on dynamic ones. 65534 is shared by all
# that is nobody's, so a limit on its processes would count strangers.
FIRST_SPARE_UID, SPARE_UIDS = 61_000, 184
CAP_DAC_READ_SEARCH, CAP_SETGID, CAP_SETUID, CAP_SETPCAP = 2, 6, 7, 8
LAST_CAPABILITY = 63  # the width of the sets; the kernel names fewer
PR_SET_KEEPCAPS, PR_CAPBSET_READ, PR_CAPBSET_DROP = 8, 23, 24
PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 47, 4


def spare_uid(slot: int) -> int:
    """User (and group) id of a worker's slot, one each, so that slots cannot reach or exhaust one another.

    Args:
        slot: 0 to 183.

    Raises:
        ValueError: if the slot is out of range.
    """
    if not 0 <= slot < SPARE_UIDS:
        raise ValueError(f"slot {slot}: there are {SPARE_UIDS} spare user ids")
    return FIRST_SPARE_UID + slot


def can_switch() -> bool:
    """Whether `become_unprivileged` can act: root with the capabilities it takes, and the spare ids exist in this namespace.

    False as well where /proc is hidden, because the mapping cannot be read then: ask before hiding it.
    """
    needed = (CAP_SETUID, CAP_SETGID, CAP_SETPCAP)
    return os.getuid() == 0 and all(map(_holds, needed)) and _mapped("uid_map") and _mapped("gid_map")


def become_unprivileged(spare: int, *, keep_reading: bool) -> None:
    """Leave root for good: spare user and group, no supplementary groups, no capabilities.

    Nothing happens where the caller is no root with CAP_SETUID. Ask `can_switch` first: a root whose namespace lacks the spare
    ids is refused here rather than left as it was.

    RLIMIT_NPROC then binds (it never binds root). The kernel resets the dumpable flag and the parent-death signal with the
    user: call `kernel.harden` after this. Has to come before `seccomp.base_filter`, which denies the calls made here.

    Args:
        spare: The user and group id to become, above 0; see `spare_uid`.
        keep_reading: Keep CAP_DAC_READ_SEARCH, so that a Python below a folder of root with mode 0700 can still import.
            The file modes then guard nothing against reading: Landlock has to.

    Raises:
        KernelRefusedError: if the kernel refuses a step; the process is then half switched and has to end.
        ValueError: if `spare` is root.
    """
    if spare <= 0:
        raise ValueError(f"{spare} is no spare user id")
    if os.getuid() != 0 or not _holds(CAP_SETUID):
        return
    kept = 1 << CAP_DAC_READ_SEARCH if keep_reading else 0
    _drop_bounding(kept)
    call("prctl", PR_SET_KEEPCAPS, 1, 0, 0, 0)
    try:
        os.setgroups([])
        os.setresgid(spare, spare, spare)
        os.setresuid(spare, spare, spare)
    except OSError as error:
        raise KernelRefusedError(f"identity {spare}: {error.strerror}") from error
    call("prctl", PR_SET_KEEPCAPS, 0, 0, 0, 0)
    _set_capabilities(kept)
    call("prctl", PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)


def _holds(capability: int) -> bool:
    header, sets = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0), (ctypes.c_uint32 * 6)()
    call("capget", header, sets)
    return bool(sets[0] >> capability & 1)  # the first word: effective, capabilities 0 to 31


def _set_capabilities(kept: int) -> None:
    low, high = kept & 0xFFFFFFFF, kept >> 32
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    call("capset", header, (ctypes.c_uint32 * 6)(low, low, 0, high, high, 0))


def _drop_bounding(kept: int) -> None:
    for capability in range(LAST_CAPABILITY + 1):
        if kept >> capability & 1:
            continue
        try:
            present = call("prctl", PR_CAPBSET_READ, capability, 0, 0, 0)
        except KernelRefusedError:
            return  # beyond the last one this kernel knows
        if present:
            call("prctl", PR_CAPBSET_DROP, capability, 0, 0, 0)


def _mapped(name: str) -> bool:
    try:
        lines = Path("/proc/self", name).read_text("ascii").splitlines()
    except OSError:
        return False
    spans = [range(int(first), int(first) + int(count)) for first, _, count in (line.split() for line in lines)]
    return any(spare_uid(0) in span and spare_uid(SPARE_UIDS - 1) in span for span in spans)
