from __future__ import annotations

import asyncio
import concurrent.futures.thread  # noqa: F401 - to_thread imports it late, when an ordinary user may not read it
import ctypes
import errno
import mmap
import os
import resource
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from fenced_child import ORDINARY, as_root_and_ordinary, attempt, in_child, needs_root

from evaluation.runner.seccomp import available, base_filter, run_filter
from evaluation.runner.seccomp_policy import OWN_PID, denied_always
from evaluation.runner.syscall_numbers import NEWEST, machine, numbers

needs_seccomp = pytest.mark.skipif(not available(), reason="no seccomp filters here")


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty folder that every user may change."""
    path = Path(tempfile.mkdtemp(prefix="seccomp-"))
    path.chmod(0o777)
    yield path
    shutil.rmtree(path)


def below_base(action: Callable[[], object], user: int | None = None) -> object:
    def enter() -> object:
        base_filter().install()
        return action()

    return in_child(enter, user)


def below_both(action: Callable[[], object], user: int | None = None, *, threads: bool = True) -> object:
    def enter() -> object:
        run_filter(os.getpid(), threads=threads).install()
        return action()

    return below_base(enter, user)


def raw(number: int, *args: int) -> str:
    """The errno of a bare system call, or what it returned."""
    libc = ctypes.CDLL(None, use_errno=True)
    result = libc.syscall(ctypes.c_long(number), *(ctypes.c_long(value) for value in args))
    return errno.errorcode[ctypes.get_errno()] if result == -1 else str(result)


@needs_seccomp
@as_root_and_ordinary
def test_every_denied_call_is_denied_by_the_kernel(user: int | None) -> None:
    here = machine()
    assert here is not None
    refused = [name for name in denied_always() if name in numbers(here)]

    def sweep() -> object:
        assert raw(numbers(here)["socket"], -1, -1, -1) == "EPERM"  # the filter is there: the rest harms nothing
        return {name: outcome for name in refused if (outcome := raw(numbers(here)[name], *[-1] * 6)) != "EPERM"}

    assert len(refused) > 100
    assert below_base(sweep, user) == {}


@needs_seccomp
@as_root_and_ordinary
def test_unknown_calls_and_foreign_numbers(user: int | None) -> None:
    assert below_base(lambda: [raw(NEWEST + 1), raw(435, 0, 0)], user) == ["ENOSYS", "ENOSYS"]
    if machine() == "x86_64":
        assert below_base(lambda: raw(0x40000000 | 39), user) == "signal SIGSYS"


@needs_seccomp
@pytest.mark.skipif(machine() != "x86_64", reason="machine code of x86_64")
def test_the_32_bit_entry_is_closed() -> None:
    def getpid32() -> object:
        memory = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        memory.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")  # mov eax, 20; int 0x80; ret
        return ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(memory)))()

    assert below_base(getpid32) in ("signal SIGSYS", "signal SIGSEGV")  # the latter on kernels without that entry


@needs_seccomp
@as_root_and_ordinary
def test_asyncio_and_threads_work(user: int | None) -> None:
    async def work() -> list[int]:
        loop = asyncio.get_running_loop()
        woken = asyncio.Event()
        thread = threading.Thread(target=lambda: loop.call_soon_threadsafe(woken.set))
        thread.start()
        await asyncio.wait_for(woken.wait(), 5)
        thread.join()
        return list(await asyncio.gather(asyncio.to_thread(abs, -1), asyncio.sleep(0, 2)))

    assert below_both(lambda: asyncio.run(work()), user) == [1, 2]


@needs_seccomp
@as_root_and_ordinary
def test_copies_work_and_modes_stay(folder: Path, user: int | None) -> None:
    def use() -> object:
        one, two = folder / "one", folder / "two"
        one.write_text("text", "utf-8")
        mode, time = one.stat().st_mode, one.stat().st_mtime_ns
        one.chmod(0o4777)
        os.utime(one, ns=(0, 0))
        shutil.copy2(one, two)
        (folder / "touched").touch()
        shutil.copytree(folder, folder / "tree")
        same = [one.stat().st_mode == mode, one.stat().st_mtime_ns == time]
        with tempfile.TemporaryDirectory(dir=folder):
            return [same, two.read_text("utf-8"), sorted(path.name for path in (folder / "tree").iterdir())]

    assert below_both(use, user) == [[True, True], "text", ["one", "touched", "two"]]


@needs_seccomp
@as_root_and_ordinary
def test_base_leaves_processes_and_limits_alone(user: int | None) -> None:
    def use() -> object:
        pid = os.fork()
        if pid == 0:
            os._exit(7)
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
        other = attempt(lambda: resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE, (soft, hard)))
        return [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), resource.getrlimit(resource.RLIMIT_NOFILE)[0], other]

    assert below_base(use, user) == [7, 64, "EPERM"]


@needs_seccomp
@as_root_and_ordinary
def test_a_run_reaches_no_process_but_itself(user: int | None) -> None:
    def reach() -> object:
        received: list[int] = []
        signal.signal(signal.SIGUSR1, lambda number, _: received.append(number))
        os.kill(os.getpid(), signal.SIGUSR1)
        signal.raise_signal(signal.SIGUSR1)
        signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)
        targets = [attempt(partial(os.kill, pid, 0)) for pid in (os.getppid(), 0, -1, 1)]
        return [len(received), set(targets) == {"EPERM"}, attempt(lambda: os.killpg(os.getpgrp(), 0))]

    assert below_both(reach, user) == [3, True, "EPERM"]


@needs_seccomp
@as_root_and_ordinary
def test_a_run_starts_nothing(user: int | None) -> None:
    def start() -> object:
        return [
            attempt(os.fork),
            attempt(lambda: subprocess.run(["/bin/true"], check=False)),
            attempt(lambda: os.posix_spawn("/bin/true", ["true"], {})),
            attempt(lambda: os.execv("/bin/true", ["true"])),
            attempt(os.setsid),
            attempt(lambda: os.setpgid(0, 0)),
            raw(numbers(machine() or "")["prctl"], 4, 1, 0, 0, 0),
        ]

    assert below_both(start, user) == ["EPERM"] * 7


@needs_seccomp
@as_root_and_ordinary
def test_a_run_cannot_change_its_limits(user: int | None) -> None:
    def change() -> object:
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        with pytest.raises(ValueError, match="not allowed"):
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        return limits[0] > 0

    assert below_both(change, user) is True


@needs_seccomp
def test_threads_can_be_denied() -> None:
    def start() -> object:
        try:
            threading.Thread(target=int).start()
        except RuntimeError as error:
            return str(error)
        return "started"

    assert below_both(start, threads=False) == "can't start new thread"


@needs_seccomp
def test_the_truncation_guard_spares_writers(folder: Path) -> None:
    file = folder / "file"
    file.write_text("text", "utf-8")

    def truncate() -> object:
        base_filter(guard_truncate=True).install()
        outcomes = [attempt(lambda: os.open(file, os.O_RDONLY | os.O_TRUNC)), attempt(lambda: os.truncate(file, 0))]
        return [*outcomes, file.read_text("utf-8"), file.write_text("more", "utf-8")]

    assert in_child(truncate) == ["EPERM", "EPERM", "text", 4]


@needs_seccomp
def test_filters_of_several_runs_do_not_mix() -> None:
    def install_mine_after_preparing_another() -> object:
        mine = run_filter(os.getpid())
        run_filter(os.getppid())
        mine.install()
        return [attempt(partial(os.kill, pid, 0)) for pid in (os.getpid(), os.getppid())]

    assert below_base(install_mine_after_preparing_another) == ["done", "EPERM"]


@needs_seccomp
@pytest.mark.parametrize("pid", [0, -1, OWN_PID])
def test_a_filter_needs_a_pid(pid: int) -> None:
    with pytest.raises(ValueError, match="not a process id"):
        run_filter(pid)


@needs_root
@needs_seccomp
def test_installing_needs_no_new_privs() -> None:
    outcome = in_child(base_filter().install, ORDINARY, no_new_privs=False)
    assert outcome == "KernelRefusedError: seccomp: Permission denied"
