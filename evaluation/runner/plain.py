"""Runs suites that are nothing but plain test functions by calling them, which costs a third of what pytest's own way costs.

Whether a suite is plain is seen after it has been imported, anew in every run. Anything that pytest would treat specially
(classes, fixtures, arguments, decorators, marks, setup functions, generators, coroutines) sends it the ordinary way.
"""

from __future__ import annotations

import inspect
import types
import unittest
from collections.abc import Callable, Sequence

from _pytest.fixtures import FixtureFunctionDefinition

from evaluation.runner.recorder import STOPPING, Result, judge
from evaluation.runner.wire import Request

SPECIAL = frozenset(f"{when}_{what}" for when in ("setup", "teardown") for what in ("module", "function", "class", "method")) | {
    "setup",
    "teardown",
    "pytestmark",
    "pytest_plugins",
    "__test__",
    "load_tests",
}
FLAGS = inspect.CO_VARARGS | inspect.CO_VARKEYWORDS | inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
Test = Callable[[], object]


def plain_tests(module: types.ModuleType) -> dict[str, Test] | None:
    """Test id -> function, in pytest's order; None when the suite is not plain.

    Functions whose names start with ``test`` and that come from the module under test are no tests.
    """
    found: dict[str, Test] = {}
    for name, value in vars(module).items():
        if name in SPECIAL or name.startswith("pytest_") or isinstance(value, FixtureFunctionDefinition):
            return None
        if isinstance(value, type):
            if name.startswith("Test") or issubclass(value, unittest.TestCase):
                return None
        elif name.startswith("test"):
            if getattr(value, "__module__", "") == "solution":
                continue
            if not _plain(value, module):
                return None
            found[name] = value
    return found


def _plain(value: object, module: types.ModuleType) -> bool:
    return (
        type(value) is types.FunctionType
        and value.__globals__ is module.__dict__
        and not value.__dict__
        and value.__code__.co_argcount == value.__code__.co_kwonlyargcount == 0
        and not value.__code__.co_flags & FLAGS
    )


def run_plain(tests: dict[str, Test], request: Request, ticks: Callable[[], int], results: list[Result]) -> None:
    """Call the tests that are asked for; what they did is appended to `results` as it happens.

    Args:
        tests: From `plain_tests`.
        request: Says which, in which order, and whether to stop at the first failure.
        ticks: Reads the loop budget spent so far.
        results: Appended to.
    """
    wanted: Sequence[str] = list(tests) if request.keep is None else [name for name in request.keep if name in tests]
    for name in wanted:
        problem: BaseException | None = None
        returned = False
        try:
            returned = tests[name]() is None
        except BaseException as error:  # noqa: BLE001 - the border to suite code, which may raise anything
            problem = error
        verdict, detail = judge(problem, returned=returned)
        results.append((name, verdict, detail, ticks()))
        if request.fail_fast and verdict in STOPPING:
            return
