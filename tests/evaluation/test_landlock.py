from __future__ import annotations

import ctypes
import errno
import os
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from fenced_child import ORDINARY, as_root_and_ordinary, attempt, in_child, needs_root

from evaluation.runner import bpf, landlock
from evaluation.runner.kernel import KernelRefusedError
from evaluation.runner.seccomp import assembled
from evaluation.runner.seccomp_policy import AUDIT_ARCH
from evaluation.runner.syscall_numbers import machine, numbers

pytestmark = pytest.mark.skipif(landlock.abi() == 0, reason="no Landlock here")
needs_scopes = pytest.mark.skipif(landlock.abi() < landlock.SCOPE_ABI, reason="Landlock without scopes")


@pytest.fixture
def places() -> Iterator[Path]:
    """A folder that every user reaches, with `read/file`, `write/` and `outside`."""
    root = Path(tempfile.mkdtemp(prefix="landlock-"))
    for folder in (root, root / "read", root / "write", root / "write" / "inner"):
        folder.mkdir(exist_ok=True)
        folder.chmod(0o777)
    for file in (root / "read" / "file", root / "outside"):
        file.write_text("text", "utf-8")
        file.chmod(0o666)
    shutil.copy("/bin/true", root / "read" / "program")
    yield root
    shutil.rmtree(root)


def fenced(places: Path, action: Callable[[], object], user: int | None) -> object:
    def enter() -> object:
        readable = [str(places / "read"), str(places / "missing"), str(places / "outside" / "below-a-file")]
        domain = landlock.file_domain(readable, [str(places / "write"), os.devnull])
        domain.enter()
        domain.close()
        return action()

    return in_child(enter, user)


@as_root_and_ordinary
def test_reads_only_what_is_readable(places: Path, user: int | None) -> None:
    def read() -> object:
        files = [attempt((places / name).read_bytes) for name in ("read/file", "outside")]
        return files + [attempt(partial(os.scandir, path)) for path in (places / "read", places, "/")]

    assert fenced(places, read, user) == ["done", "EACCES", "done", "EACCES", "EACCES"]


@as_root_and_ordinary
def test_changes_nothing_of_what_is_readable(places: Path, user: int | None) -> None:
    file, folder = places / "read" / "file", places / "read"

    def change() -> object:
        return [
            attempt(lambda: file.write_bytes(b"")),
            attempt(lambda: os.truncate(file, 0)),
            attempt(lambda: os.close(os.open(file, os.O_RDONLY | os.O_TRUNC))),
            attempt(file.unlink),
            attempt((folder / "new").mkdir),
            attempt(lambda: file.rename(places / "write" / "moved")),
            attempt(lambda: (places / "write" / "linked").hardlink_to(file)),
        ]

    outcome = fenced(places, change, user)
    assert isinstance(outcome, list)
    assert set(outcome) <= {"EACCES", "EXDEV"}
    assert file.read_bytes() == b"text"


@as_root_and_ordinary
def test_the_writable_folder_takes_ordinary_files(places: Path, user: int | None) -> None:
    folder = places / "write"

    def use() -> object:
        (folder / "a").write_text("long text", "utf-8")
        os.truncate(folder / "a", 1)
        (folder / "new").mkdir()
        (folder / "a").rename(folder / "new" / "b")
        (folder / "link").symlink_to(folder / "new" / "b")
        (folder / "hard").hardlink_to(folder / "new" / "b")
        os.mkfifo(folder / "fifo")
        text = (folder / "link").read_text("utf-8")
        for name in ("link", "hard", "fifo"):
            (folder / name).unlink()
        shutil.rmtree(folder / "new")
        Path(os.devnull).write_bytes(b"nothing")
        return [text, [path.name for path in folder.iterdir()]]

    assert fenced(places, use, user) == ["l", ["inner"]]


@as_root_and_ordinary
def test_a_link_out_of_the_folder_leads_nowhere(places: Path, user: int | None) -> None:
    def follow() -> object:
        link = places / "write" / "link"
        link.symlink_to(places / "outside")
        return [attempt(link.read_bytes), attempt(lambda: link.write_bytes(b""))]

    assert fenced(places, follow, user) == ["EACCES", "EACCES"]


@as_root_and_ordinary
def test_no_devices_no_sockets_no_programs(places: Path, user: int | None) -> None:
    def make() -> object:
        folder = places / "write"
        shutil.copy(places / "read" / "program", folder / "program")
        with socket.socket(socket.AF_UNIX) as named:
            bound = attempt(lambda: named.bind(str(folder / "socket")))
        return [
            bound,
            attempt(lambda: os.mknod(folder / "device", 0o020600, os.makedev(1, 5))),
            attempt(lambda: os.execv(places / "read" / "program", ["program"])),
            attempt(lambda: os.execv(folder / "program", ["program"])),
        ]

    assert fenced(places, make, user) == ["EACCES"] * 4


@as_root_and_ordinary
def test_libraries_load_without_the_right_to_execute(user: int | None) -> None:
    def load() -> object:
        landlock.file_domain(["/usr/lib", "/lib", "/lib64", "/etc/ld.so.cache"], []).enter()
        return ctypes.CDLL("libresolv.so.2") is not None

    assert in_child(load, user) is True


@pytest.mark.skipif(landlock.abi() < landlock.NETWORK_ABI, reason="Landlock without network")
@as_root_and_ordinary
def test_no_tcp(places: Path, user: int | None) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        address = listener.getsockname()

        def reach() -> object:
            with socket.socket() as one, socket.socket() as two:
                return [attempt(lambda: one.connect(address)), attempt(lambda: two.bind(("127.0.0.1", 0)))]

        assert fenced(places, reach, user) == ["EACCES", "EACCES"]


@needs_scopes
@as_root_and_ordinary
def test_the_scope_stops_signals_and_abstract_sockets_outwards(user: int | None) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        name = f"\0landlock-{os.getpid()}"
        listener.bind(name)
        listener.listen()

        def reach() -> object:
            domain = landlock.scope_domain()
            assert domain is not None
            parent = os.getpid()

            def run() -> object:
                domain.enter()
                with socket.socket(socket.AF_UNIX) as client:
                    kills = [attempt(partial(os.kill, pid, 0)) for pid in (os.getpid(), parent)]
                    return [*kills, attempt(partial(client.connect, name))]

            return in_child(run)

        assert in_child(reach, user) == ["done", "EPERM", "EPERM"]


@needs_root
@needs_scopes
def test_a_signal_to_all_reaches_only_descendants() -> None:
    # As a user of its own: were the scope open, the signal would still end nobody else's processes.
    def suite() -> object:
        domain = landlock.scope_domain()
        assert domain is not None
        domain.enter()
        run = os.fork()
        if run == 0:
            domain.enter()  # a run's own scope, below the suite's
            time.sleep(30)
            os._exit(0)
        time.sleep(0.05)
        os.kill(-1, signal.SIGKILL)
        return os.waitstatus_to_exitcode(os.waitpid(run, 0)[1])

    def zygote() -> object:
        bystander = os.fork()
        if bystander == 0:
            time.sleep(30)
            os._exit(0)
        ended = in_child(suite)
        alive = os.waitpid(bystander, os.WNOHANG)[0] == 0
        os.kill(bystander, signal.SIGKILL)
        os.waitpid(bystander, 0)
        return [ended, alive]

    assert in_child(zygote, ORDINARY) == [-signal.SIGKILL, True]


@needs_root
def test_entering_needs_no_new_privs() -> None:
    domain = landlock.file_domain(["/"], [])
    outcome = in_child(domain.enter, ORDINARY, no_new_privs=False)
    domain.close()
    assert outcome == "KernelRefusedError: landlock_restrict_self: Operation not permitted"


def test_hidden_landlock_counts_as_absent() -> None:
    here = machine()
    assert here is not None
    denied = {numbers(here)["landlock_create_ruleset"]: bpf.give(bpf.ERRNO, errno.ENOSYS)}

    def hide() -> object:
        assembled(bpf.by_number(denied, (), AUDIT_ARCH[here])).install()
        try:
            landlock.file_domain(["/"], [])
        except KernelRefusedError as error:
            return [landlock.abi(), landlock.scope_domain(), str(error)]
        return "not refused"

    assert in_child(hide) == [0, None, "landlock: absent or disabled"]


@pytest.mark.parametrize(("version", "bits"), [(1, 13), (2, 14), (3, 15), (4, 15), (5, 16), (7, 16)])
def test_rights_are_cut_to_the_abi(version: int, bits: int) -> None:
    assert landlock.handled_rights(version).bit_length() == bits
