"""Numbers of the system calls that the fences name, for x86_64 and aarch64, and one way to make such a call.

Owns the numbers. Which of them a filter denies is the matter of `seccomp_policy`.
Source: Linux 6.1 `asm/unistd_64.h` and `asm-generic/unistd.h`, Linux 6.19 for 451 and above; the tests compare them with the
headers of the machine.
"""

from __future__ import annotations

import ctypes
import functools
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass

from evaluation.runner.kernel import KernelRefusedError

NEWEST = 471  # rseq_slice_yield; every later call is unknown to the filters
MACHINES = ("x86_64", "aarch64")
# Ranges without a call of a 64-bit process: the kernel jumps to 424, where the architectures share their numbers.
GAPS = {"x86_64": ((337, 424),), "aarch64": ((244, 260), (295, 424))}

# name, number on x86_64, number on aarch64; a dash where the architecture has no such call
_TABLE = """
accept 43 202 | accept4 288 242 | acct 163 89 | add_key 248 217 | adjtimex 159 171 | bind 49 200 | bpf 321 280
capget 125 90 | capset 126 91 | chmod 90 - | chown 92 - | chroot 161 51 | clock_adjtime 305 266 | clock_settime 227 112
clone 56 220 | clone3 435 435 | connect 42 203 | delete_module 176 106 | execve 59 221 | execveat 322 281
fanotify_init 300 262 | fchmod 91 52 | fchmodat 268 53 | fchmodat2 452 452 | fchown 93 55 | fchownat 260 54 | fcntl 72 25
file_setattr 469 469 | finit_module 313 273 | fork 57 - | fremovexattr 199 16 | fsconfig 431 431 | fsetxattr 190 7
fsmount 432 432 | fsopen 430 430 | fspick 433 433 | futimesat 261 - | init_module 175 105 | inotify_init 253 -
inotify_init1 294 26 | io_setup 206 0 | io_uring_enter 426 426 | io_uring_register 427 427 | io_uring_setup 425 425
ioctl 16 29 | ioperm 173 - | iopl 172 - | ioprio_set 251 30 | kcmp 312 272 | kexec_file_load 320 294 | kexec_load 246 104
keyctl 250 219 | kill 62 129 | landlock_add_rule 445 445 | landlock_create_ruleset 444 444 | landlock_restrict_self 446 446
lchown 94 - | listen 50 201 | listmount 458 458 | listns 470 470 | lookup_dcookie 212 18 | lremovexattr 198 15
lsetxattr 189 6 | lsm_set_self_attr 460 460 | mbind 237 235 | memfd_create 319 279 | memfd_secret 447 447
migrate_pages 256 238 | mknod 133 - | mknodat 259 33 | modify_ldt 154 - | mount 165 40 | mount_setattr 442 442
move_mount 429 429 | move_pages 279 239 | mq_open 240 180 | mq_unlink 241 181 | msgctl 71 187 | msgget 68 186
msgrcv 70 188 | msgsnd 69 189 | name_to_handle_at 303 264 | open 2 - | open_by_handle_at 304 265 | open_tree 428 428
open_tree_attr 467 467 | openat 257 56 | openat2 437 437 | perf_event_open 298 241 | personality 135 92
pidfd_getfd 438 438 | pidfd_open 434 434 | pidfd_send_signal 424 424 | pivot_root 155 41 | prctl 157 167
prlimit64 302 261 | process_madvise 440 440 | process_mrelease 448 448 | process_vm_readv 310 270
process_vm_writev 311 271 | ptrace 101 117 | quotactl 179 60 | quotactl_fd 443 443 | reboot 169 142 | removexattr 197 14
removexattrat 466 466 | request_key 249 218 | rt_sigqueueinfo 129 138 | rt_tgsigqueueinfo 297 240
sched_setaffinity 203 122 | sched_setattr 314 274 | sched_setparam 142 118 | sched_setscheduler 144 119 | seccomp 317 277
semctl 66 191 | semget 64 190 | semop 65 193 | semtimedop 220 192 | sendmmsg 307 269 | sendmsg 46 211 | sendto 44 206
setdomainname 171 162 | setfsgid 123 152 | setfsuid 122 151 | setgid 106 144 | setgroups 116 159 | sethostname 170 161
setns 308 268 | setpgid 109 154 | setpriority 141 140 | setregid 114 143 | setresgid 119 149 | setresuid 117 147
setreuid 113 145 | setrlimit 160 164 | setsid 112 157 | setsockopt 54 208 | settimeofday 164 170 | setuid 105 146
setxattr 188 5 | setxattrat 463 463 | shmat 30 196 | shmctl 31 195 | shmget 29 194 | socket 41 198 | socketpair 53 199
statmount 457 457 | swapoff 168 225 | swapon 167 224 | sync 162 81 | syncfs 306 267 | syslog 103 116 | tgkill 234 131
tkill 200 130 | truncate 76 45 | umount2 166 39 | unshare 272 97 | uselib 134 - | userfaultfd 323 282 | utime 132 -
utimensat 280 88 | utimes 235 - | vfork 58 - | vhangup 153 58
"""


@functools.cache
def numbers(machine: str) -> dict[str, int]:
    """System call numbers of one architecture by name; calls that it lacks are left out.

    Args:
        machine: One of `MACHINES`.
    """
    column = 1 + MACHINES.index(machine)
    rows = (entry.split() for line in _TABLE.strip().splitlines() for entry in line.split("|"))
    return {row[0]: int(row[column]) for row in rows if row[column] != "-"}


@functools.cache
def machine() -> str | None:
    """The architecture of this process as named in `MACHINES`, or None where the table has no numbers for it."""
    name = os.uname().machine
    return name if name in MACHINES and sys.maxsize > 2**32 else None


@functools.cache
def _libc() -> ctypes.CDLL:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    return libc


@dataclass(frozen=True, slots=True)
class SystemCall:
    """A system call with its arguments in place.

    Preparing it before a fork makes it cheap in the child, where every page that Python touches first has to be copied:
    entering a Landlock scope took 0.15 ms in a fresh child with a call made from scratch, 0.05 ms with a prepared one.

    Attributes:
        name: Its name in the table.
        function: The C library's `syscall`.
        args: Number and arguments as ctypes values.
    """

    name: str
    function: Callable[..., int]
    args: tuple[object, ...]

    def make(self) -> int:
        """Make the call.

        Returns:
            What the kernel returned, 0 or more.

        Raises:
            KernelRefusedError: if the call fails.
        """
        result = self.function(*self.args)
        if result < 0:
            raise KernelRefusedError(f"{self.name}: {os.strerror(ctypes.get_errno())}")
        return result


def prepare(name: str, *args: object) -> SystemCall:
    """Look a system call up and put its arguments in place.

    Args:
        name: A name in the table.
        args: Integers, None for a null pointer, or ctypes pointers, whose targets they keep alive.

    Raises:
        KernelRefusedError: if this architecture has no such call.
    """
    here = machine()
    number = numbers(here).get(name) if here else None
    if number is None:
        raise KernelRefusedError(f"{name}: no system call number for {os.uname().machine}")
    # ctypes hands a bare int over as 32 bits, and the callee would read rubbish above them.
    wide = [ctypes.c_long(value) if isinstance(value, int) else value for value in args]
    return SystemCall(name, _libc().syscall, (ctypes.c_long(number), *wide))


def call(name: str, *args: object) -> int:
    """Make a system call; see `prepare` and `SystemCall.make`.

    Raises:
        KernelRefusedError: if the call fails, or this architecture has no such call.
    """
    return prepare(name, *args).make()
