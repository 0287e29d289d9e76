from __future__ import annotations

import ctypes
import os
import resource
import tempfile
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from fenced_child import ORDINARY, attempt, in_child, needs_root

from evaluation.runner.identity import SPARE_UIDS, become_unprivileged, can_switch, spare_uid
from evaluation.runner.kernel import CLONE_NEWUSER, PR_SET_PDEATHSIG, KernelRefusedError
from evaluation.runner.syscall_numbers import call

PR_GET_PDEATHSIG = 2
SPARE = spare_uid(160 + os.getpid() % 8)


@pytest.fixture
def secret() -> Iterator[Path]:
    """A file of root with mode 0600 below a folder with mode 0700."""
    folder = Path(tempfile.mkdtemp(prefix="identity-"))
    file = folder / "file"
    file.write_text("text", "utf-8")
    file.chmod(0o600)
    yield file
    file.unlink()
    folder.rmdir()


def capabilities() -> list[int]:
    # As bytes: after the switch Python may be unable to import the codec.
    lines = Path("/proc/self/status").read_bytes().splitlines()
    return [int(line.split()[1], 16) for line in lines if line.startswith(b"Cap")]


@needs_root
@pytest.mark.parametrize(("keep_reading", "kept"), [(False, 0), (True, 1 << 2)])
def test_all_of_root_is_gone(*, keep_reading: bool, kept: int) -> None:
    def switch() -> object:
        become_unprivileged(SPARE, keep_reading=keep_reading)
        back = [attempt(lambda: os.setresuid(0, 0, 0)), attempt(lambda: os.setgid(0)), attempt(lambda: os.seteuid(0))]
        return [os.getresuid(), os.getresgid(), os.getgroups(), capabilities(), back]

    ids = [SPARE] * 3
    # inheritable, permitted, effective, bounding, ambient
    assert in_child(switch) == [ids, ids, [], [0, kept, kept, kept, 0], ["EPERM"] * 3]


@needs_root
@pytest.mark.parametrize(("keep_reading", "read"), [(False, "EACCES"), (True, "done")])
def test_reading_is_kept_on_request_and_writing_never(secret: Path, *, keep_reading: bool, read: str) -> None:
    def switch() -> object:
        become_unprivileged(SPARE, keep_reading=keep_reading)
        touched = [attempt(partial(secret.write_bytes, b"")), attempt(secret.unlink), attempt(partial(secret.chmod, 0o777))]
        return [attempt(secret.read_bytes), *touched]

    chmod = "EPERM" if keep_reading else "EACCES"  # the latter where the folder cannot even be searched
    assert in_child(switch) == [read, "EACCES", "EACCES", chmod]


@needs_root
def test_the_process_limit_binds() -> None:
    def switch() -> object:
        become_unprivileged(SPARE, keep_reading=True)
        resource.setrlimit(resource.RLIMIT_NPROC, (2, 2))
        hold = threading.Event()
        threading.Thread(target=hold.wait, daemon=True).start()
        try:
            threading.Thread(target=hold.wait, daemon=True).start()
        except RuntimeError as error:
            thread = str(error)
        with pytest.raises(ValueError, match="not allowed to raise"):
            resource.setrlimit(resource.RLIMIT_NPROC, (3, 3))
        return [thread, attempt(os.fork)]

    assert in_child(switch) == ["can't start new thread", "EAGAIN"]


@needs_root
def test_the_switch_resets_what_harden_set() -> None:
    def switch() -> object:
        call("prctl", PR_SET_PDEATHSIG, 9, 0, 0, 0)
        become_unprivileged(SPARE, keep_reading=False)
        at_death = ctypes.c_int(-1)
        call("prctl", PR_GET_PDEATHSIG, ctypes.byref(at_death), 0, 0, 0)
        return at_death.value

    assert in_child(switch) == 0


@needs_root
def test_an_ordinary_user_stays_what_it_is() -> None:
    def keep() -> object:
        become_unprivileged(SPARE, keep_reading=False)
        return [can_switch(), os.getuid()]

    assert in_child(keep, ORDINARY) == [False, ORDINARY]


@needs_root
def test_a_root_without_spare_ids_is_refused() -> None:
    def enclose() -> object:
        try:
            call("unshare", CLONE_NEWUSER)
        except KernelRefusedError:
            return "no user namespaces"
        for name in ("setgroups", "uid_map", "gid_map"):
            Path("/proc/self", name).write_text("deny" if name == "setgroups" else "0 0 1", "ascii")
        return [can_switch(), _refusal()]

    outcome = in_child(enclose)
    if outcome == "no user namespaces":
        pytest.skip(str(outcome))
    assert isinstance(outcome, list)
    assert outcome[0] is False
    assert outcome[1].startswith(f"identity {SPARE}")


def _refusal() -> str:
    try:
        become_unprivileged(SPARE, keep_reading=False)
    except KernelRefusedError as error:
        return str(error)
    return "not refused"


@pytest.mark.parametrize("spare", [0, -1])
def test_root_is_no_spare_user(spare: int) -> None:
    with pytest.raises(ValueError, match="spare user id"):
        become_unprivileged(spare, keep_reading=False)


def test_every_slot_has_its_own_user() -> None:
    ids = [spare_uid(slot) for slot in range(SPARE_UIDS)]
    assert (min(ids), max(ids), len(set(ids))) == (61_000, 61_183, SPARE_UIDS)
    for slot in (-1, SPARE_UIDS):
        with pytest.raises(ValueError, match="slot"):
            spare_uid(slot)
