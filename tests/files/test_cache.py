from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.core.errors import ExitCode, HarnessError
from harness.files.cache import cure, default_cache_root, published, reason

# Builds slowly, and leaves one line per build in a log outside the cache.
_SLOW_BUILDER = """
import os, sys, time
from pathlib import Path
from harness.files.cache import published

root, log, seconds = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])

def build(folder):
    with log.open("a") as file:
        file.write(f"{os.getpid()}\\n")
    (folder / "first").write_text("1")
    time.sleep(seconds)
    (folder / "second").write_text("2")

print(published(root, "things/one", build))
"""


def _builder(root: Path, log: Path, seconds: float) -> subprocess.Popen[bytes]:
    argv = [sys.executable, "-c", _SLOW_BUILDER, str(root), str(log), str(seconds)]
    return subprocess.Popen(argv, stdout=subprocess.DEVNULL, cwd=Path(__file__).parents[2])


def _wait_for(path: Path, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        if path.exists():
            return
        assert process.poll() is None, "the builder ended before it began to build"
        time.sleep(0.05)
    pytest.fail(f"{path} did not appear")


def _fill(folder: Path) -> None:
    (folder / "file").write_text("content")


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"HARNESS_CACHE": "/a", "XDG_CACHE_HOME": "/b"}, Path("/a")),
        ({"XDG_CACHE_HOME": "/b"}, Path("/b/harness")),
        ({"HARNESS_CACHE": "", "XDG_CACHE_HOME": "relative"}, Path.home() / ".cache" / "harness"),
        ({}, Path.home() / ".cache" / "harness"),
    ],
)
def test_cache_root_follows_the_environment(environ: dict[str, str], expected: Path) -> None:
    assert default_cache_root(environ) == expected


def test_second_call_builds_nothing(tmp_path: Path) -> None:
    first = published(tmp_path, "a/b", _fill)

    def fail(_: Path) -> None:
        pytest.fail("built again")

    assert published(tmp_path, "a/b", fail) == first == tmp_path / "a" / "b"
    assert (first / "file").read_text() == "content"


def test_two_processes_at_once_build_once(tmp_path: Path) -> None:
    log = tmp_path / "log"
    processes = [_builder(tmp_path / "cache", log, 0.5) for _ in range(2)]
    assert [process.wait(30) for process in processes] == [0, 0]
    assert len(log.read_text().splitlines()) == 1
    assert sorted(path.name for path in (tmp_path / "cache" / "things" / "one").iterdir()) == ["first", "second"]


def test_killed_builder_leaves_nothing_that_looks_finished(tmp_path: Path) -> None:
    root, log = tmp_path / "cache", tmp_path / "log"
    killed = _builder(root, log, 60)
    _wait_for(log, killed)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait(10)
    folder = root / "things"
    assert not (folder / "one").exists()
    assert len(list(folder.glob(".one.building-*"))) == 1  # so that the next line proves something

    entry = published(root, "things/one", _fill)

    assert [path.name for path in entry.iterdir()] == ["file"]
    assert list(folder.glob(".one.building-*")) == []


def test_waiting_process_takes_over_from_a_killed_one(tmp_path: Path) -> None:
    root, log = tmp_path / "cache", tmp_path / "log"
    killed = _builder(root, log, 60)
    _wait_for(log, killed)
    heir = _builder(root, log, 0)
    time.sleep(0.3)
    assert heir.poll() is None, "it did not wait for the lock"
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait(10)
    assert heir.wait(30) == 0
    assert (root / "things" / "one" / "second").exists()


def test_failed_build_leaves_no_folder_and_keeps_its_error(tmp_path: Path) -> None:
    def build(folder: Path) -> None:
        _fill(folder)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        published(tmp_path, "entry", build)
    assert [path.name for path in tmp_path.iterdir()] == [".entry.lock"]


def test_missing_input_is_not_blamed_on_the_disk(tmp_path: Path) -> None:
    def build(folder: Path) -> None:
        (folder / "absent").read_text()

    with pytest.raises(FileNotFoundError):
        published(tmp_path, "entry", build)


def test_full_disk_is_a_storage_error(tmp_path: Path) -> None:
    def build(_: Path) -> None:
        with Path("/dev/full").open("w") as file:  # the kernel's own full disk
            file.write("x")

    with pytest.raises(HarnessError) as caught:
        published(tmp_path, "entry", build)
    assert caught.value.code is ExitCode.STORAGE
    assert "No space left" in caught.value.why
    assert caught.value.fix == "free some disk space, or point HARNESS_CACHE at a folder that can be written"
    assert not (tmp_path / "entry").exists()


def test_unusable_root_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HarnessError) as caught:
        published(tmp_path / "file", "entry", _fill)
    assert caught.value.code is ExitCode.STORAGE
    assert caught.value.fix == "point HARNESS_CACHE at a folder that can be written"


def test_of_a_hidden_name_only_the_folder_around_it_is_named() -> None:
    refused = PermissionError(errno.EACCES, "Permission denied", "/data/sets/.mine.building-a1b2/train.parquet")
    assert reason(refused) == "Permission denied, in /data/sets"
    assert cure(refused, "go elsewhere") == "get the right to write there, or go elsewhere"
    assert reason(OSError(errno.ENOSPC, "No space left on device")) == "No space left on device"
    assert reason(FileNotFoundError(errno.ENOENT, "No such file or directory", "/proc/.x.building-1")).endswith(", in /proc")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_read_only_root_is_a_storage_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    with pytest.raises(HarnessError) as caught:
        published(tmp_path, "entry", _fill)
    tmp_path.chmod(0o755)
    assert caught.value.code is ExitCode.STORAGE
