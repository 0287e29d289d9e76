from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from harness.guard import tree as tree_module
from harness.guard.tree import ProcessTree

MIB = 1 << 20
SLEEPER = "import time; time.sleep(60)"
THREADED = f"""
import subprocess, sys, threading, time
def start():
    print(subprocess.Popen((sys.executable, "-c", {SLEEPER!r})).pid, flush=True)
    time.sleep(60)
input()
threading.Thread(target=start, daemon=True).start()
time.sleep(60)
"""
ORPHANING = f"""
import subprocess, sys
input()
print(subprocess.Popen((sys.executable, "-c", {SLEEPER!r}), start_new_session=True).pid, flush=True)
input()
"""


@contextmanager
def running(code: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen((sys.executable, "-c", code), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("\n")
    process.stdin.flush()
    return process.stdout.readline()


def settles(tree: ProcessTree, expected: set[int]) -> bool:
    """Whether a look, which must renew the list by itself, comes to count exactly these."""
    end = time.monotonic() + 3
    while time.monotonic() < end:
        seen = tree.rss_bytes()
        there = sum(psutil.Process(pid).memory_info().rss for pid in expected)
        if abs(seen - there) < 2 * MIB:
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize("lists_children", [True, False])
def test_a_child_that_any_thread_starts_is_counted(lists_children: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not lists_children:  # a kernel without /proc/PID/task/TID/children
        monkeypatch.setattr(tree_module, "_children", tree_module._children_by_walk)
        monkeypatch.setattr(tree_module, "_CHILDREN_BYTES", 0)
    with running(THREADED) as process:
        tree = ProcessTree(process.pid)
        assert settles(tree, {process.pid})
        child = int(line(process))
        assert settles(tree, {process.pid, child})
        assert tree.pids() == {process.pid, child}
        psutil.Process(child).kill()


def test_an_orphan_stays_a_member_and_a_dead_one_does_not() -> None:
    with running(ORPHANING) as process:
        tree = ProcessTree(process.pid)
        orphan = int(line(process))
        assert settles(tree, {process.pid, orphan})
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
        process.wait()
        assert settles(tree, {orphan})
        psutil.Process(orphan).kill()
        psutil.Process(orphan).wait()
        assert tree.rss_bytes() == 0


def test_nobody_is_no_tree_and_descriptors_come_back(tmp_path: Path) -> None:
    with subprocess.Popen((sys.executable, "-c", "")) as process:
        pass
    descriptors = len(list(Path("/proc/self/fd").iterdir()))
    tree = ProcessTree(process.pid)
    assert (tree.rss_bytes(), tree.pids()) == (0, frozenset())
    mine = ProcessTree(os.getpid())
    assert mine.rss_bytes() > 0
    mine.close()
    assert mine.rss_bytes() == 0
    del tree, mine
    assert len(list(Path("/proc/self/fd").iterdir())) == descriptors
