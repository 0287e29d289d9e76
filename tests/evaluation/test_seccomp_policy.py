from __future__ import annotations

import errno
import os
import re
import socket
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from evaluation.runner import bpf
from evaluation.runner.seccomp_policy import AUDIT_ARCH, OWN_PID, base_program, run_program
from evaluation.runner.syscall_numbers import MACHINES, NEWEST, numbers

HEADERS = {"x86_64": "/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "aarch64": "/usr/include/asm-generic/unistd.h"}
CLONE_NEWUSER, CLONE_NEWNS, CLONE_PARENT, CLONE_THREAD = 0x10000000, 0x20000, 0x8000, 0x10000
SIGCHLD = 17
TCGETS, FIONBIO, TIOCSTI, TIOCLINUX, FS_IOC_SETFLAGS = 0x5401, 0x5421, 0x5412, 0x541C, 0x40086602
EPERM, ENOSYS, ENOTTY = (bpf.ERRNO | code for code in (errno.EPERM, errno.ENOSYS, errno.ENOTTY))
NOTHING = bpf.ERRNO
ADDRESS = 0x7F12_0000_0000  # a pointer whose lower half is zero


def verdict(program: bpf.Program, arch: int, number: int, *args: int) -> int:
    """What the kernel would do with a call: runs the instructions."""
    padded = [value & (1 << 64) - 1 for value in (*args, *[0] * (6 - len(args)))]
    data = struct.pack("=IIQ6Q", number & 0xFFFFFFFF, arch, 0, *padded)
    held = at = 0
    while True:
        code, if_true, if_false, value = program[at]
        at += 1
        if code == bpf.RETURN:
            return value
        if code == bpf.LOAD:
            held = struct.unpack_from("=I", data, value)[0]
        elif code == bpf.AND:
            held &= value
        elif code == bpf.JUMP:
            at += value
        else:
            tests = {bpf.JUMP_EQUAL: held == value, bpf.JUMP_GREATER_EQUAL: held >= value, bpf.JUMP_ANY_BIT: bool(held & value)}
            at += if_true if tests[code] else if_false


Judge = Callable[..., int]


@pytest.fixture(params=MACHINES)
def named(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def base(named: str) -> Judge:
    program = base_program(named, guard_truncate=False)
    return lambda name, *args: verdict(program, AUDIT_ARCH[named], numbers(named)[name], *args)


@pytest.fixture
def run(named: str) -> Judge:
    program = run_program(named, threads=True)
    return lambda name, *args: verdict(program, AUDIT_ARCH[named], numbers(named)[name], *args)


def test_the_numbers_are_the_kernels(named: str) -> None:
    header = Path(HEADERS[named])
    if not header.exists():
        pytest.skip("no kernel headers")
    found = re.findall(r"#define\s+__NR(?:3264)?_(\w+)\s+(\d+)", header.read_text("utf-8"))
    known = {name: int(number) for name, number in found}
    newest_there = max(number for name, number in known.items() if name not in ("syscalls", "arch_specific_syscall"))
    ours = {name: number for name, number in numbers(named).items() if number <= min(newest_there, 450)}
    assert {name: known.get(name) for name in ours} == ours


@pytest.mark.parametrize("guard_truncate", [False, True])
def test_programs_fit_the_kernel(named: str, *, guard_truncate: bool) -> None:
    programs = [
        base_program(named, guard_truncate=guard_truncate),
        run_program(named, threads=True),
        run_program(named, threads=False),
    ]
    assert max(map(len, programs)) < 1000
    assert all(len(bpf.encode(program)) == 8 * len(program) for program in programs)


def test_other_architectures_and_numberings_end_the_process(named: str) -> None:
    for program in (base_program(named, guard_truncate=False), run_program(named, threads=True)):
        assert verdict(program, 0x40000003, 20) == bpf.KILL_PROCESS
        x32 = verdict(program, AUDIT_ARCH[named], 0x40000000 | 39)
        assert x32 == (bpf.KILL_PROCESS if named == "x86_64" else ENOSYS)


def test_calls_of_later_kernels_are_not_open(named: str) -> None:
    gap = {"x86_64": 400, "aarch64": 300}[named]
    for program in (base_program(named, guard_truncate=False), run_program(named, threads=True)):
        judged = [verdict(program, AUDIT_ARCH[named], number) for number in (gap, NEWEST + 1, 511, 600, 1 << 20)]
        assert judged == [ENOSYS] * 5
        assert verdict(program, AUDIT_ARCH[named], 424 - 1) == ENOSYS
        assert verdict(program, AUDIT_ARCH[named], NEWEST) == bpf.ALLOW


def test_base_judges_by_argument(base: Judge) -> None:
    good, bad = bpf.ALLOW, EPERM
    assert [base("socketpair", family) for family in (socket.AF_UNIX, socket.AF_INET)] == [good, bad]
    assert [base("sendto", 3, 0, 0, 0, address) for address in (0, 1, ADDRESS)] == [good, bad, bad]
    assert [base("clone", flags | SIGCHLD) for flags in (0, CLONE_NEWUSER, CLONE_NEWNS, CLONE_PARENT)] == [good, bad, bad, bad]
    assert base("clone3") == ENOSYS
    assert [base("personality", value) for value in (0xFFFFFFFF, 0)] == [good, bad]
    assert [base("ioctl", 0, request) for request in (TCGETS, FIONBIO)] == [good, good]
    assert [base("ioctl", 0, request) for request in (TIOCSTI, TIOCLINUX, FS_IOC_SETFLAGS)] == [ENOTTY] * 3
    assert [base("fcntl", 3, command) for command in (2, 8, 15)] == [good, bad, bad]
    limits = [base("prlimit64", pid, 0, new) for pid, new in ((0, 0), (9, 0), (0, ADDRESS), (9, ADDRESS))]
    assert limits == [good, good, good, bad]


def test_base_answers_success_without_effect(base: Judge) -> None:
    assert [base("utimensat", -100, 1, times) for times in (0, 1, ADDRESS)] == [EPERM, NOTHING, NOTHING]
    assert [base(name) for name in ("fchmodat", "fchownat", "setxattr", "syncfs", "fchmodat2")] == [NOTHING] * 5
    assert [base(name) for name in ("landlock_restrict_self", "seccomp", "kill", "openat", "capset")] == [bpf.ALLOW] * 5


def test_run_judges_by_argument(run: Judge) -> None:
    for name in ("kill", "tgkill", "rt_sigqueueinfo", "pidfd_open"):
        assert [run(name, pid) for pid in (OWN_PID, OWN_PID + 1, 0, -1, -OWN_PID)] == [bpf.ALLOW] + [EPERM] * 4
    assert [run("clone", flags) for flags in (CLONE_THREAD, SIGCHLD)] == [bpf.ALLOW, EPERM]
    assert [run("prctl", option) for option in (15, 22, 1, 4, 35, 36)] == [bpf.ALLOW] * 2 + [EPERM] * 4
    assert [run("prlimit64", 0, 0, new) for new in (0, ADDRESS)] == [bpf.ALLOW, EPERM]
    assert [run(name) for name in ("tkill", "execve", "execveat", "setsid", "setpgid", "setrlimit")] == [EPERM] * 6
    assert [run(name) for name in ("landlock_restrict_self", "seccomp", "openat", "clone3")] == [bpf.ALLOW] * 3 + [ENOSYS]


def test_truncation_is_guarded_on_request(named: str) -> None:
    program = base_program(named, guard_truncate=True)
    flags = (os.O_RDONLY, os.O_RDONLY | os.O_TRUNC, os.O_WRONLY | os.O_TRUNC, os.O_RDWR | os.O_TRUNC)
    judged = [verdict(program, AUDIT_ARCH[named], numbers(named)["openat"], -100, 0, value) for value in flags]
    assert judged == [bpf.ALLOW, EPERM, bpf.ALLOW, bpf.ALLOW]
    assert verdict(program, AUDIT_ARCH[named], numbers(named)["truncate"]) == EPERM
