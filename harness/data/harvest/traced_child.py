"""Runs inside the fences: test files of a code base under coverage, one fork each; says which test runs which function.

Started as a script by `harness.data.harvest.traced_runs` with a bare ``evaluation`` package, so that nothing but that package's
runner, pytest and coverage is imported. What it answers is a hint, never proof: hostile tests can write anything here.
"""

from __future__ import annotations

import bisect
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from evaluation.runner.confine import Confinement, Plan, enter_zygote
from evaluation.runner.forks import run_forked
from evaluation.runner.kernel import KernelRefusedError
from evaluation.runner.tidy import empty
from evaluation.runner.wire import ANSWERED, Limits

REFUSED = 71
Message = dict[str, Any]
# Path of a source file -> first line of a body, its last line, number of the function.
Places = dict[str, list[tuple[int, int, int]]]


def main(told: str) -> None:
    """Serve until standard input ends: one test file a line, one answer a line.

    Args:
        told: JSON: ``plan`` (fields of `Plan`), ``roots`` (for ``sys.path``), ``preload`` (modules), ``pytest`` (arguments),
            ``include`` (patterns of measured files).
    """
    settings = json.loads(told)
    asked, answers = os.fdopen(os.dup(0), "rb"), os.dup(1)
    _shut(0, 1)
    try:
        confinement = enter_zygote(Plan(**{**settings["plan"], "readable": tuple(settings["plan"]["readable"])}))
    except KernelRefusedError as error:
        os.write(2, f"{error}\n".encode())
        os._exit(REFUSED)
    os.chdir(confinement.folder)
    _preload(["pytest", "coverage"])  # before a checkout can have a module of that name
    sys.path[:0] = settings["roots"]
    _preload(settings["preload"])
    places: Places = json.loads(asked.readline())
    os.write(answers, b"{}\n")
    for line in asked:
        empty(confinement.folder)
        os.write(answers, _ran(json.loads(line), settings, places, confinement) + b"\n")


def _preload(names: list[str]) -> None:
    for name in names:
        try:
            __import__(name)
        except Exception:  # noqa: BLE001, S112 - each test file meets it again, and says so
            continue


def _ran(asked: Message, settings: Message, places: Places, confinement: Confinement) -> bytes:
    limits = Limits(asked["wall_s"], asked["wall_s"], asked["memory_bytes"])

    def task(_: Callable[[Message], None]) -> Message:
        confinement.enter_run()
        _shut(0, 1, 2)
        os.closerange(4, 256)
        return _traced(asked, settings, places)

    ended = run_forked(task, limits, confinement)
    answer: Message = {"how": ended.how, "seconds": ended.wall_s}
    if ended.how == ANSWERED:
        answer["found"] = json.loads(ended.data)
    return json.dumps(answer).encode()


def _shut(*streams: int) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for stream in streams:
        os.dup2(null, stream)
    os.close(null)


def _traced(asked: Message, settings: Message, places: Places) -> Message:
    """Run one test file; pytest's ``code``, ``collected``, ``passed`` (test ids), ``runs`` (function -> places in ``passed``)."""
    import coverage
    import pytest

    measured = coverage.Coverage(data_file=None, config_file=False, include=settings["include"])
    watcher = _Watcher(measured, time.monotonic() + asked["stop_s"])
    measured.start()
    code = pytest.main([*settings["pytest"], asked["file"]], plugins=[watcher])
    measured.stop()
    passed = sorted(watcher.passed)
    number = {name: at for at, name in enumerate(passed)}
    runs: dict[int, set[int]] = {}
    data = measured.get_data()
    for path in data.measured_files():
        for line, contexts in data.contexts_by_lineno(path).items():
            function = _function_at(places.get(path, []), line)
            if function is not None:
                runs.setdefault(function, set()).update(number[name] for name in contexts if name in number)
    found = {function: sorted(tests) for function, tests in runs.items() if tests}
    return {"code": int(code), "collected": watcher.collected, "passed": passed, "runs": found}


def _function_at(bodies: list[tuple[int, int, int]], line: int) -> int | None:
    at = bisect.bisect(bodies, line, key=lambda body: body[0]) - 1
    return bodies[at][2] if at >= 0 and bodies[at][1] >= line else None


# What pytest.hookimpl would set; pytest itself is imported behind the fences.
_WRAPPER = dict.fromkeys(("hookwrapper", "optionalhook", "tryfirst", "trylast"), False) | {"wrapper": True, "specname": None}


class _Watcher:
    """The plugin: one coverage context per test, and an end in time to say what was seen so far.

    Args:
        measured: Coverage, running.
        deadline: Of the monotonic clock, in seconds.
    """

    def __init__(self, measured: Any, deadline: float) -> None:
        self._measured = measured
        self._deadline = deadline
        self.passed: set[str] = set()
        self.collected = True

    def pytest_collectreport(self, report: Any) -> None:
        """Remember that the file does not compile, or fails when it is imported."""
        self.collected = self.collected and not (report.failed and "::" not in report.nodeid)

    def pytest_runtest_call(self, item: Any) -> Iterator[None]:
        """Only what a test itself runs counts, not its fixtures."""
        self._measured.switch_context(item.nodeid)
        try:
            return (yield)
        finally:
            self._measured.switch_context("")

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Remember what passed."""
        if report.when == "call" and report.passed and not hasattr(report, "wasxfail"):
            self.passed.add(report.nodeid)

    def pytest_runtest_setup(self, item: Any) -> None:
        """Stop in time: a file that is killed says nothing."""
        if time.monotonic() > self._deadline:
            item.session.shouldstop = "out of time"


_Watcher.pytest_runtest_call.pytest_impl = _WRAPPER  # type: ignore[attr-defined]

if __name__ == "__main__":
    main(sys.argv[-1])
