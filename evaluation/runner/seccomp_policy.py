"""What the two filters do with each system call.

Owns the lists and their reasons. Knows nothing of installing a filter (`seccomp`) or of instruction layout (`bpf`).
Allowed by default: a deny list lets any Python library run; what it opens is closed by Landlock, the identity and the limits.
"""

from __future__ import annotations

import errno

from evaluation.runner import bpf
from evaluation.runner.bpf import Program, if_any_bit, if_masked, if_null, if_one_of, low
from evaluation.runner.syscall_numbers import GAPS, NEWEST, numbers

AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
X32_BIT = 0x40000000  # the same AUDIT_ARCH as x86_64 with other numbers: it would walk around the list
OWN_PID = 0x70696421  # stands for the run's pid until `seccomp` fills it in; above any pid

_ALLOW, _DENY = bpf.give(bpf.ALLOW), bpf.give(bpf.ERRNO, errno.EPERM)
_UNKNOWN, _IGNORE = bpf.give(bpf.ERRNO, errno.ENOSYS), bpf.give(bpf.ERRNO, 0)
_NO_TERMINAL = bpf.give(bpf.ERRNO, errno.ENOTTY)

# recvfrom and sendto without an address stay: asyncio writes to its own socketpair with them.
_SOCKETS = "socket connect bind listen accept accept4 sendmsg sendmmsg setsockopt"
_OTHER_PROCESSES = """ptrace process_vm_readv process_vm_writev process_madvise process_mrelease kcmp pidfd_getfd
    sched_setaffinity sched_setscheduler sched_setparam sched_setattr setpriority ioprio_set migrate_pages mbind move_pages"""
_MOUNTS = """mount umount2 pivot_root chroot open_tree open_tree_attr move_mount fsopen fsconfig fsmount fspick mount_setattr
    statmount listmount listns unshare setns quotactl quotactl_fd name_to_handle_at open_by_handle_at mknod mknodat"""
_KERNEL_SURFACE = """bpf perf_event_open io_uring_setup io_uring_enter io_uring_register io_setup userfaultfd
    keyctl add_key request_key kexec_load kexec_file_load init_module finit_module delete_module iopl ioperm modify_ldt uselib
    acct syslog lookup_dcookie fanotify_init inotify_init inotify_init1 lsm_set_self_attr vhangup"""
_MACHINE = """reboot swapon swapoff sethostname setdomainname settimeofday clock_settime adjtimex clock_adjtime"""
# Memory that outlives the process or escapes Landlock's file rules.
_SHARED = """shmget shmat shmctl semget semop semtimedop semctl msgget msgsnd msgrcv msgctl mq_open mq_unlink
    memfd_create memfd_secret"""
_IDENTITY = "setuid setgid setreuid setregid setresuid setresgid setfsuid setfsgid setgroups"
# Landlock does not cover these, yet shutil.copy has to work: they answer success and do nothing. sync would flush the machine.
_WITHOUT_EFFECT = """chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat setxattr lsetxattr fsetxattr setxattrat
    removexattr lremovexattr fremovexattr removexattrat file_setattr sync syncfs"""

# CLONE_PARENT makes the child a sibling, which the caller's parent would have to reap.
_CLONE_NEW_ANY, _CLONE_PARENT, _CLONE_THREAD = 0x7E020000, 0x00008000, 0x00010000
_AF_UNIX, _QUERY_PERSONALITY = 1, 0xFFFFFFFF
_PR_SET_MM, _PR_SET_PTRACER = 35, 0x59616D61
# F_SETOWN and its kin send SIGIO to any process of the user; F_SETLEASE and F_NOTIFY signal on what others do.
_FCNTL_SIGNALS = (8, 10, 15, 1024, 1026)
# TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX, TCGETS2, FICLONE, FICLONERANGE: an allow list, because ioctl also
# types into terminals (TIOCSTI), changes file flags (FS_IOC_SETFLAGS) and seals files (FS_IOC_ENABLE_VERITY).
_IOCTLS = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451, 0x802C542A, 0x40049409, 0x4020940D)
_O_ACCMODE, _O_TRUNC = 0o3, 0o1000

# PR_GET_PDEATHSIG, GET_DUMPABLE, SET_NAME, GET_NAME, GET_SECCOMP, SET_SECCOMP, CAPBSET_READ, SET and GET_TIMERSLACK,
# SET and GET_NO_NEW_PRIVS, SET_VMA (names of heaps, by glibc)
_RUN_PRCTL = (2, 3, 15, 16, 21, 22, 23, 29, 30, 38, 39, 0x53564D41)
_RUN_DENIED = "fork vfork execve execveat tkill pidfd_send_signal setpgid setsid setrlimit"
_RUN_OWN_PID = "kill tgkill rt_sigqueueinfo rt_tgsigqueueinfo pidfd_open"


def denied_always() -> list[str]:
    """Names of the calls that the base filter denies whatever their arguments, on the architectures that have them."""
    return " ".join((_SOCKETS, _OTHER_PROCESSES, _MOUNTS, _KERNEL_SURFACE, _MACHINE, _SHARED, _IDENTITY)).split()


def base_program(machine: str, *, guard_truncate: bool) -> Program:
    """The filter of everything that can run a suite's code; forks, execs and signals stay possible.

    Args:
        machine: One of `syscall_numbers.MACHINES`.
        guard_truncate: Deny truncation of a file that is not opened for writing; Landlock does that from ABI 3 on.
    """
    rules = dict.fromkeys(denied_always(), _DENY) | dict.fromkeys(_WITHOUT_EFFECT.split(), _IGNORE) | _base_by_argument()
    return _filter(machine, rules | _truncate_rules() if guard_truncate else rules)


def run_program(machine: str, *, threads: bool) -> Program:
    """The further filter of one run: no process, no exec, no signal but to itself, no change of limits.

    Args:
        machine: One of `syscall_numbers.MACHINES`.
        threads: Whether it may start threads.
    """
    rules = dict.fromkeys(_RUN_DENIED.split(), _DENY)
    rules |= dict.fromkeys(_RUN_OWN_PID.split(), if_one_of(low(0), (OWN_PID,), _ALLOW, _DENY))
    rules["clone"] = if_any_bit(low(0), _CLONE_THREAD, _ALLOW, _DENY) if threads else _DENY
    rules["clone3"] = _UNKNOWN
    rules["prctl"] = if_one_of(low(0), _RUN_PRCTL, _ALLOW, _DENY)
    rules["prlimit64"] = if_null(2, _ALLOW, _DENY)
    return _filter(machine, rules)


def _base_by_argument() -> dict[str, Program]:
    # A time of "now" fails because Path.touch creates the file only when utime has failed; given times (shutil.copystat) do not.
    now_fails = {
        name: if_null(at, _DENY, _IGNORE) for name, at in {"utime": 1, "utimes": 1, "futimesat": 2, "utimensat": 2}.items()
    }
    return {
        "socketpair": if_one_of(low(0), (_AF_UNIX,), _ALLOW, _DENY),
        "sendto": if_null(4, _ALLOW, _DENY),
        "clone": if_any_bit(low(0), _CLONE_NEW_ANY | _CLONE_PARENT, _DENY, _ALLOW),
        # Its flags lie in memory, out of a filter's sight; glibc falls back to clone.
        "clone3": _UNKNOWN,
        "personality": if_one_of(low(0), (_QUERY_PERSONALITY,), _ALLOW, _DENY),
        "prctl": if_one_of(low(0), (_PR_SET_MM, _PR_SET_PTRACER), _DENY, _ALLOW),
        # A CPU limit of 0 on a parent would end it.
        "prlimit64": if_null(2, _ALLOW, if_one_of(low(0), (0,), _ALLOW, _DENY)),
        "fcntl": if_one_of(low(1), _FCNTL_SIGNALS, _DENY, _ALLOW),
        "ioctl": if_one_of(low(1), _IOCTLS, _ALLOW, _NO_TERMINAL),
        **now_fails,
    }


def _truncate_rules() -> dict[str, Program]:
    def read_only_truncates(flags: int) -> Program:
        read_only = if_masked(low(flags), _O_ACCMODE, 0, (_DENY, _ALLOW))
        return if_any_bit(low(flags), _O_TRUNC, read_only, _ALLOW)

    return {"truncate": _DENY, "openat2": _UNKNOWN, "open": read_only_truncates(1), "openat": read_only_truncates(2)}


def _filter(machine: str, rules: dict[str, Program]) -> Program:
    known = numbers(machine)
    by_number = {known[name]: program for name, program in rules.items() if name in known}
    ranges = [(first, end, _UNKNOWN) for first, end in GAPS[machine]]
    if machine == "x86_64":
        ranges += [(NEWEST + 1, X32_BIT, _UNKNOWN), (X32_BIT, bpf.NUMBER_END, bpf.give(bpf.KILL_PROCESS))]
    else:
        ranges.append((NEWEST + 1, bpf.NUMBER_END, _UNKNOWN))
    return bpf.by_number(by_number, ranges, AUDIT_ARCH[machine])
