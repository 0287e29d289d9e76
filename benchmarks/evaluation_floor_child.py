"""The measuring process of `benchmarks.evaluation_floor`: as large as a worker, and fenced in like one half-way through.

Reads a plan and a job from standard input, prints medians in milliseconds. Runs with the bare package that workers have.
"""

from __future__ import annotations

import base64
import gc
import json
import os
import statistics
import sys
import time
from typing import Any

from evaluation.runner.confine import Confinement, Plan, enter_zygote
from evaluation.runner.forks import run_forked
from evaluation.runner.measure import Tracer
from evaluation.runner.pytest_session import prepare
from evaluation.runner.run import execute
from evaluation.runner.wire import Limits, Message, Request

TIMES = 200
LIMITS = Limits(10.0, 10.0, 1 << 30)
BUDGET = 1 << 40
TESTS = ["passed"] * 3


def main() -> None:
    """Measure and print."""
    asked = json.load(sys.stdin)
    made = Plan(**{**asked["plan"], "readable": tuple(asked["plan"]["readable"])})
    ready = prepare(made.folder), Tracer()
    gc.collect()
    gc.freeze()
    bare = [_bare_fork() for _ in range(TIMES)]
    confinement = enter_zygote(made)
    confinement.enter_suite()
    confined = [_confined(confinement) for _ in range(TIMES)]
    runs = [_run(confinement, asked["job"], ready) for _ in range(TIMES)]
    with_pytest = [_run(confinement, {**asked["job"], "tests": None}, ready) for _ in range(TIMES)]
    medians = {
        "fork_ms": statistics.median(bare),
        "confined_ms": statistics.median(confined),
        "run_ms": statistics.median(inside for inside, _ in runs),
        "confined_run_ms": statistics.median(outside for _, outside in runs),
        "pytest_run_ms": statistics.median(inside for inside, _ in with_pytest),
    }
    os.write(1, json.dumps(medians).encode())
    os._exit(0)


def _bare_fork() -> float:
    started = time.perf_counter()
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return 1000 * (time.perf_counter() - started)


def _confined(confinement: Confinement) -> float:
    def task(_send: object) -> Message:
        confinement.enter_run()
        return {}

    return 1000 * run_forked(task, LIMITS, confinement).wall_s


def _run(confinement: Confinement, job: dict[str, Any], ready: Any) -> tuple[float, float]:
    """Milliseconds inside the run, and of the whole; `tests` None runs all, the way pytest does."""
    suite = compile(job["suite"], "test_suite.py", "exec", dont_inherit=True)
    keep = None if job["tests"] is None else tuple(job["tests"])
    request = Request(base64.b64decode(job["code"]), job["entry_point"], BUDGET, keep=keep, fail_fast=True)

    def task(send: Any) -> Message:
        confinement.enter_run()
        started = time.perf_counter()
        message = execute(request, suite, ready, send)
        return {"ms": 1000 * (time.perf_counter() - started), "ran": [verdict for _, verdict, *_ in message["tests"]]}

    ended = run_forked(task, LIMITS, confinement)
    answer = json.loads(ended.data)
    if answer.get("ran") != TESTS:
        raise RuntimeError(f"the run gave {answer}")
    return answer["ms"], 1000 * ended.wall_s


if __name__ == "__main__":
    main()
