"""One run of a suite against one version of the function: what a fork does. Suite code runs here and nowhere else."""

from __future__ import annotations

import gc
import marshal
import random
import sys
import types
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from evaluation.runner.measure import Tracer
from evaluation.runner.plain import plain_tests, run_plain
from evaluation.runner.pytest_session import run_pytest
from evaluation.runner.recorder import Result
from evaluation.runner.sabotage import ANSWERS, sabotage
from evaluation.runner.wire import Message, Request, describe


def execute(
    request: Request, suite: types.CodeType, ready: tuple[pytest.Session, Tracer], send: Callable[[Message], None]
) -> Message:
    """Run the suite in this process, which is a fork made for it.

    Args:
        request: What to run.
        suite: The compiled suite.
        ready: What the zygote prepared: a pytest session and a tracer, neither used before in this process.
        send: Sends a last message and ends the process.

    Returns:
        `tests` (id, verdict, detail, ticks), `rebound`, `ran`, `ticks`, `collect_error` (type, text) and, when measured,
        `arcs`; or `solution_error` when the function's module itself raises.
    """
    session, tracer = ready
    _seed(request.seed)
    spent = _Ticks(request.budget, lambda: send({"budget": True}))
    if request.measure:
        tracer.start()
    try:
        focal = _import_solution(request, spent)
    except Exception as error:  # noqa: BLE001 - a mutant may raise anything when imported
        return {"solution_error": describe(error)}
    # From here on suite code runs: nothing in this process says any more which version of the function it is.
    request = replace(request, code=b"", sabotage="")
    gc.freeze()
    message = _run_suite(request, (suite, focal), session, spent)
    if request.measure:
        message["arcs"] = tracer.stop()
    message["ticks"] = spent.count()
    return message


def _seed(seed: int) -> None:
    random.seed(seed)
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed(seed)
    sys.setrecursionlimit(1000)


class _Ticks:
    """The loop budget: every loop turn and call of the tested module takes one tick."""

    def __init__(self, budget: int, stop: Callable[[], None]) -> None:
        left = budget

        def tick() -> None:
            nonlocal left
            left -= 1
            if left < 0:
                stop()

        def count() -> int:
            return budget - left

        self.tick: Callable[[], None] = tick
        self.count: Callable[[], int] = count


def _import_solution(request: Request, ticks: _Ticks) -> object:
    """Make the module importable as ``solution`` without writing it anywhere; returns what suites import."""
    code = marshal.loads(request.code)  # noqa: S302 - from the scorer
    module = types.ModuleType("solution")
    module.__file__ = code.co_filename
    module.__dict__.update({"__tick__": ticks.tick, ANSWERS: []})
    sys.modules["solution"] = module
    exec(code, module.__dict__)  # noqa: S102 - the function under test
    if request.sabotage:
        sabotage(module, request.entry_point, request.sabotage)
    return getattr(module, request.entry_point.split(".")[0])


def _run_suite(request: Request, what: tuple[types.CodeType, object], session: pytest.Session, ticks: _Ticks) -> Message:
    suite, focal = what
    name = request.entry_point.split(".")[0]
    module = types.ModuleType("test_suite")
    module.__file__ = suite.co_filename
    sys.modules["test_suite"] = module
    message: dict[str, Any] = {"tests": [], "rebound": False, "ran": False}
    try:
        exec(suite, module.__dict__)  # noqa: S102 - the suite
    except BaseException as error:  # noqa: BLE001 - suite code may raise anything, SystemExit included
        return {**message, "collect_error": [type(error).__name__, describe(error)]}
    places = (module, sys.modules.get("solution"))
    message["rebound"] = any(getattr(place, name, focal) is not focal for place in places)
    found = None if request.keep is None else plain_tests(module)
    results: list[Result] = []
    try:
        if found is None:
            failed = run_pytest(session, module, (request, ticks.count), results)
            if failed is not None:
                return {**message, "collect_error": [type(failed).__name__, describe(failed)]}
        else:
            run_plain(found, request, ticks.count, results)
        message["ran"] = True
    except BaseException as error:  # noqa: BLE001 - pytest.exit, SystemExit, KeyboardInterrupt out of suite code
        message["error"] = describe(error)
    message["tests"] = results
    return message
