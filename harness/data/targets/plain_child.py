"""Runs inside the fences: one test file under plain pytest. Started as a script by `harness.data.targets.plain_run`.

Only the evaluation package's runner and pytest are imported. What it answers can be forged by a hostile test, to no use: each
test has passed the scorer before, and a file that lies about itself is still only a file.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from evaluation.runner.confine import Plan, enter_zygote
from evaluation.runner.forks import run_forked
from evaluation.runner.kernel import KernelRefusedError
from evaluation.runner.wire import ANSWERED, Limits

REFUSED = 71
Message = dict[str, Any]
_PYTEST = ("-q", "-c", os.devnull, "-p", "no:cacheprovider", "-p", "no:faulthandler")


def main(told: str) -> None:
    """Run the file that comes on standard input; one line of JSON on standard output.

    Args:
        told: JSON: ``plan`` (fields of `Plan`), ``roots`` (for ``sys.path``), ``name`` (of the file), ``limits`` (wall seconds,
            bytes).
    """
    settings = json.loads(told)
    text, answers = sys.stdin.buffer.read(), os.dup(1)
    try:
        confinement = enter_zygote(Plan(**{**settings["plan"], "readable": tuple(settings["plan"]["readable"])}))
    except KernelRefusedError as error:
        os.write(2, f"{error}\n".encode())
        os._exit(REFUSED)
    os.chdir(confinement.folder)
    import pytest  # before a checkout can have a module of that name

    sys.path[:0] = settings["roots"]
    file = Path(confinement.folder, settings["name"])
    file.write_bytes(text)
    wall_s, memory_bytes = settings["limits"]

    def task(_: Callable[[Message], None]) -> Message:
        confinement.enter_run()
        null = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(null, stream)
        os.closerange(4, 256)
        watcher = Watcher()
        top = [f"--{what}={confinement.folder}" for what in ("rootdir", "confcutdir")]  # above it nothing can be read
        code = pytest.main([*_PYTEST, *top, str(file)], plugins=[watcher])
        return {"code": int(code), "tests": watcher.tests, "said": watcher.said, "problem": watcher.problem}

    ended = run_forked(task, Limits(wall_s, wall_s, memory_bytes), confinement)
    answer = json.loads(ended.data) if ended.how == ANSWERED else {"how": ended.how}
    os.write(answers, json.dumps(answer).encode())
    os._exit(0)


class Watcher:
    """The plugin: how each test ended, what it failed with, and why the file cannot be imported."""

    def __init__(self) -> None:
        self.tests: dict[str, bool] = {}
        self.said: dict[str, str] = {}
        self.problem = ""

    def pytest_collectreport(self, report: Any) -> None:
        """Remember why the file cannot be imported."""
        if report.failed:
            said = [line for line in str(report.longrepr).splitlines() if line.startswith("E  ")] or [str(report.longrepr)]
            self.problem = said[-1].removeprefix("E").strip().splitlines()[-1][:300]

    def pytest_runtest_logreport(self, report: Any) -> None:
        """A test has passed if all of its phases have."""
        name = report.nodeid.rpartition("::")[2]
        self.tests[name] = self.tests.get(name, True) and report.passed and not hasattr(report, "wasxfail")
        crash = getattr(report.longrepr, "reprcrash", None)
        if report.failed and crash is not None:
            self.said[name] = str(crash.message)[:1000]


if __name__ == "__main__":
    main(sys.argv[-1])
