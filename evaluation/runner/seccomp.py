"""Seccomp filters: assembles them once, fills in a run's pid, installs them for good.

Owns the kernel interface. What is denied stands in `seccomp_policy`. The caller sets no_new_privs first (`kernel.harden`) and
installs while the process has one thread: a filter binds the calling thread and what it starts later.
"""

from __future__ import annotations

import ctypes
import functools
from dataclasses import dataclass

from evaluation.runner import bpf
from evaluation.runner.kernel import KernelRefusedError
from evaluation.runner.seccomp_policy import OWN_PID, base_program, run_program
from evaluation.runner.syscall_numbers import SystemCall, call, machine, prepare

SECCOMP_SET_MODE_FILTER, SECCOMP_GET_ACTION_AVAIL = 1, 2
WORDS_OF_AN_INSTRUCTION = 2  # code and jumps, then the value
LARGEST_PID = 1 << 22


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


@dataclass(frozen=True, slots=True)
class _Template:
    """A program in the form the kernel reads, shared by all filters made of it."""

    words: ctypes.Array[ctypes.c_uint32]
    pid_places: tuple[int, ...]
    installing: SystemCall


@dataclass(frozen=True, slots=True)
class Filter:
    """An assembled filter.

    Attributes:
        template: The program, with room for a pid.
        pid: What to put there when it is installed, or 0.
    """

    template: _Template
    pid: int = 0

    def install(self) -> None:
        """Put the filter on this thread and all it starts; it cannot be taken off.

        Raises:
            KernelRefusedError: if the kernel refuses, as it does without no_new_privs.
        """
        for place in self.template.pid_places:
            self.template.words[place] = self.pid
        self.template.installing.make()


def available() -> bool:
    """Whether this kernel, architecture and enclosing sandbox take filters that can end a process."""
    action = ctypes.c_uint32(bpf.KILL_PROCESS)
    try:
        call("seccomp", SECCOMP_GET_ACTION_AVAIL, 0, ctypes.byref(action))
    except KernelRefusedError:
        return False
    return True


@functools.cache
def base_filter(*, guard_truncate: bool = False) -> Filter:
    """The filter of the zygote and all below it: no sockets, mounts, namespaces, other processes' memory or kernel interfaces.

    chmod, chown, setxattr and utime with given times answer success and do nothing. The identity has to be switched before,
    because the set*id calls are denied.

    Args:
        guard_truncate: Also deny truncation without write access; pass True where `landlock.abi()` is below 3.

    Raises:
        KernelRefusedError: if there are no system call numbers for this architecture.
    """
    return assembled(base_program(_supported_machine(), guard_truncate=guard_truncate))


def run_filter(pid: int, *, threads: bool = True) -> Filter:
    """The further filter of one run: no process, no exec, no signal but to itself, no change of limits.

    The first call assembles it and later ones only note the pid: make one before the processes that need it are forked.

    Args:
        pid: The run's own id as it sees itself, `os.getpid()` in its PID namespace.
        threads: Whether the run may start threads.

    Raises:
        KernelRefusedError: if there are no system call numbers for this architecture.
        ValueError: if `pid` is no process id.
    """
    if not 0 < pid <= LARGEST_PID:
        raise ValueError(f"not a process id: {pid}")
    return Filter(_run_template(threads), pid)


def assembled(program: bpf.Program) -> Filter:
    """A filter of a whole program, see `bpf.by_number`.

    Raises:
        KernelRefusedError: if there are no system call numbers for this architecture.
    """
    return Filter(_template(program))


@functools.cache
def _run_template(threads: bool) -> _Template:
    return _template(run_program(_supported_machine(), threads=threads))


def _template(program: bpf.Program) -> _Template:
    words = (ctypes.c_uint32 * (WORDS_OF_AN_INSTRUCTION * len(program))).from_buffer_copy(bpf.encode(program))
    places = (at for at, instruction in enumerate(program) if instruction.value == OWN_PID)
    header = _Program(len(program), ctypes.addressof(words))
    installing = prepare("seccomp", SECCOMP_SET_MODE_FILTER, 0, ctypes.byref(header))
    return _Template(words, tuple(WORDS_OF_AN_INSTRUCTION * at + 1 for at in places), installing)


def _supported_machine() -> str:
    here = machine()
    if here is None:
        raise KernelRefusedError("seccomp: no system call numbers for this architecture")
    return here
