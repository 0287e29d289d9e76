from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
from guard_support import project_env
from own_processes import alive, children, gone
from test_supervise import FAMILY, assert_all_gone, later, pids, wait_for

from harness.core.admission import Budget
from harness.core.errors import HarnessError
from harness.core.watchdog import MemorySample
from harness.guard.host import HostProbe
from harness.guard.supervise import Watch
from harness.guard.watching import Ended
from harness.guard.worker import Worker

MIB = 1 << 20
SERVER = """
import json, os, signal, socket, sys, time
line = socket.socket(fileno=int(sys.argv[1]))
kept, stopped, done = [], [], 0
signal.signal(signal.SIGTERM, lambda *_: stopped.append(1))
print("started", flush=True)
for text in line.makefile("r"):
    job = json.loads(text)
    done += 1
    answer = {"done": True, "recycle": False, "reason": "", "interrupted": False, "baseline_bytes": 1, "held_bytes": 1}
    answer |= job.get("answer", {})
    if job.get("refuse_second") and done > 1:
        answer["done"] = False
    elif "code" in job:
        exec(job["code"])
    line.sendall(json.dumps(answer).encode() + b"\\n")
"""
WAIT_FOR_SIGTERM = """
open(job["ready"], "w").close()
while not stopped:
    time.sleep(0.005)
stopped.clear()
answer["interrupted"] = job["tells"]
"""


@pytest.fixture
def worker() -> Iterator[Worker]:
    made = Worker((sys.executable, "-c", SERVER), project_env(), HostProbe())
    yield made
    made.close()
    assert children() == []


def run(worker: Worker, folder: Path, watch: Watch | None = None, timeout_s: float = 30.0, **job: Any) -> Ended:
    return worker.run(job, folder / "log.txt", watch or Watch(HostProbe(), None, memory_back_s=1.0), timeout_s)


def test_jobs_are_done_in_one_process_and_told_apart(worker: Worker, tmp_path: Path) -> None:
    assert not worker.alive
    first = run(worker, tmp_path, code="print(os.getpid(), flush=True); time.sleep(0.2)")
    second = run(worker, tmp_path, code="print(os.getpid(), flush=True)")
    assert (first.returncode, first.warm, first.recycled, first.memory_back_after_s) == (0, False, None, 0.0)
    assert (second.returncode, second.warm, second.recycled) == (0, True, None)
    assert first.log_tail.splitlines() == ["started", second.log_tail]
    assert worker.alive
    assert 1 * MIB < worker.idle_bytes <= first.peak_bytes
    assert first.duration_s >= 0.2
    worker.recycle()
    assert (worker.alive, worker.idle_bytes) == (False, 0)
    assert "started" in run(worker, tmp_path).log_tail


def test_the_line_belongs_to_the_process_alone(worker: Worker, tmp_path: Path) -> None:
    assert run(worker, tmp_path, code="print(len(os.listdir('/proc/self/fd')), flush=True)").log_tail.endswith("5")
    run(worker, tmp_path, code="sys.stdout.flush()")
    os.kill(children(recursive=True)[-1].pid, signal.SIGKILL)  # between two jobs
    wait_for(lambda: len(children(recursive=True)) < 2)
    ended = run(worker, tmp_path)
    assert (ended.returncode, ended.warm) == (0, False)


def test_every_job_has_its_own_peak_over_the_same_baseline(worker: Worker, tmp_path: Path) -> None:
    big = run(worker, tmp_path, code="x = b'x' * (120 << 20); time.sleep(0.3); del x")
    small = run(worker, tmp_path, code="time.sleep(0.3)")
    assert big.peak_bytes > 120 * MIB > small.peak_bytes > 1 * MIB
    assert (big.recycled, small.recycled) == (None, None)


def test_a_process_that_holds_more_than_before_is_ended(worker: Worker, tmp_path: Path) -> None:
    keeping = "kept.append(b'x' * (48 << 20))"
    reasons = [run(worker, tmp_path, code=keeping).recycled for _ in range(3)]
    assert reasons[:2] == [None, None]  # the first is what the others are compared with
    assert reasons[2] is not None
    assert "more than after its first job" in reasons[2]
    assert not worker.alive
    assert run(worker, tmp_path, code=keeping).recycled is None
    assert run(worker, tmp_path, code=keeping * 1 + ";" + keeping, answer={"baseline_bytes": 2}).recycled is None  # another base


def test_a_process_may_ask_to_be_ended_or_refuse(worker: Worker, tmp_path: Path) -> None:
    ended = run(worker, tmp_path, answer={"recycle": True, "reason": "memory ran out"})
    assert (ended.returncode, ended.recycled, worker.alive) == (0, "memory ran out", False)
    assert ended.memory_back_after_s is not None
    for _ in range(2):
        again = run(worker, tmp_path, refuse_second=True)
        assert (again.returncode, again.warm, again.recycled) == (0, False, None)
    with pytest.raises(HarnessError, match="refuses"):
        run(worker, tmp_path, answer={"done": False})


def test_the_watchdog_costs_the_process_and_the_next_job_gets_another(worker: Worker, tmp_path: Path) -> None:
    run(worker, tmp_path)
    watch = Watch(HostProbe(), Budget(150 * MIB, 1 << 40, "test"))
    code = f"sys.argv[1] = {str(tmp_path)!r}" + FAMILY + "x = b'x' * (200 << 20); time.sleep(60)"
    ended = run(worker, tmp_path, watch, code=code)
    assert ended.killed is not None
    assert (ended.returncode, ended.warm, worker.alive) == (-signal.SIGKILL, True, False)
    assert_all_gone(tmp_path)
    assert run(worker, tmp_path, watch).returncode == 0


def test_the_time_limit_is_each_jobs_own(worker: Worker, tmp_path: Path) -> None:
    assert [run(worker, tmp_path, timeout_s=0.6, code="time.sleep(0.35)").timed_out for _ in range(3)] == [False] * 3
    ended = run(worker, tmp_path, timeout_s=0.3, code="time.sleep(60)")
    assert (ended.timed_out, ended.returncode, worker.alive) == (True, -signal.SIGKILL, False)


@pytest.mark.parametrize("tells", [True, False])
def test_a_request_ends_the_job_and_the_process_only_where_it_may_have_missed_it(
    worker: Worker, tmp_path: Path, tells: bool
) -> None:
    ready = tmp_path / "ready"
    asker = later(worker.cancel, ready.exists)
    ended = run(worker, tmp_path, code=WAIT_FOR_SIGTERM, ready=str(ready), tells=tells)
    asker.join()
    assert (ended.interrupted, ended.returncode, ended.recycled is None, worker.alive) == (True, 0, tells, tells)
    after = run(worker, tmp_path)
    assert (after.interrupted, after.warm) == (False, tells)


def test_grace_ends_and_a_job_that_dies_tells_how(worker: Worker, tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    asker = later(worker.cancel, ready.exists)
    watch = Watch(HostProbe(), None, grace_s=0.2, memory_back_s=0.0)
    ended = run(worker, tmp_path, watch, code=f"open({str(ready)!r}, 'w').close(); time.sleep(60)")
    asker.join()
    assert (ended.interrupted, ended.returncode) == (True, -signal.SIGKILL)
    assert run(worker, tmp_path, code="os._exit(3)").returncode == 3


def test_an_error_in_the_parent_ends_the_process(worker: Worker, tmp_path: Path) -> None:
    def fail(_: MemorySample) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(worker, tmp_path, Watch(HostProbe(), None, on_poll=fail), code="time.sleep(60)")
    assert not worker.alive
    assert children() == []


def test_a_worker_outlives_the_thread_that_started_it_and_several_go_on_at_once(tmp_path: Path) -> None:
    workers = [Worker((sys.executable, "-c", SERVER), project_env(), HostProbe()) for _ in range(4)]
    for turn in range(3):  # new threads every time: the kernel ties a death signal to the thread that forked
        ended = all_at_once(workers, tmp_path)
        assert [(e.returncode, e.warm, e.recycled) for e in ended] == [(0, turn > 0, None)] * 4
        time.sleep(0.05)
    assert len(children()) == 4
    for worker in workers:
        worker.close()
    assert children() == []


def all_at_once(workers: list[Worker], folder: Path) -> list[Ended]:
    def one(number: int) -> Ended:
        own = folder / str(number)
        own.mkdir(exist_ok=True)
        return run(workers[number], own, code="time.sleep(0.1)")

    with ThreadPoolExecutor(len(workers)) as threads:
        return list(threads.map(one, range(len(workers))))


PARENT = """
import sys
from pathlib import Path
from test_supervise import FAMILY
from test_worker import SERVER, run
from guard_support import project_env
from harness.guard.host import HostProbe
from harness.guard.worker import Worker
worker = Worker((sys.executable, "-c", SERVER), project_env(), HostProbe())
folder = Path(sys.argv[1])
run(worker, folder, code=f"sys.argv[1] = {str(folder)!r}" + FAMILY)
if sys.argv[2] == "busy":
    run(worker, folder, code="time.sleep(60)")
sys.stdin.read()
"""


@pytest.mark.parametrize("state", ["idle", "busy"])
def test_kill_9_of_the_parent_leaves_no_process(tmp_path: Path, state: str) -> None:
    argv = (sys.executable, "-c", PARENT, str(tmp_path), state)
    with subprocess.Popen(argv, env=project_env(), stdin=subprocess.PIPE) as parent:
        family = pids(tmp_path)
        keeper = psutil.Process(family[0]).ppid()
        time.sleep(0.3)
        assert all(alive(pid) for pid in family)
        parent.kill()
    assert gone((keeper, *family), 10)
