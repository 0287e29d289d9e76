"""Runs a suite the way pytest does, from a session that was started once and never collects from disk.

The plugin calls and judges the tests itself, see `evaluation.runner.recorder`.
"""

from __future__ import annotations

import functools
import inspect
import os
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from _pytest.config import _prepareconfig
from _pytest.reports import CollectReport
from _pytest.tmpdir import tmppath_result_key
from _pytest.unittest import TestCaseFunction

from evaluation.records import TestVerdict
from evaluation.runner.recorder import STOPPING, Result, judge
from evaluation.runner.wire import Request

SUITE_FILE = "test_suite.py"
OFF = ("terminal", "cacheprovider", "faulthandler", "doctest", "junitxml", "pastebin", "stepwise", "warnings",
       "threadexception", "unraisableexception", "setuponly", "setupplan", "subtests", "legacypath", "reports")  # fmt: skip


def prepare(folder: str) -> pytest.Session:
    """Start pytest up to the point where it would collect, once; every fork goes on from there.

    There is no public way to stop a session there.
    """
    off = [argument for plugin in OFF for argument in ("-p", f"no:{plugin}")]
    options = ["-c", os.devnull, f"--rootdir={folder}", f"--confcutdir={folder}", "--noconftest", "--assert=plain"]
    quiet = ["--capture=sys", "--continue-on-collection-errors"]
    config = _prepareconfig([*off, *options, *quiet, f"{folder}/{SUITE_FILE}"])
    config._do_configure()
    session = pytest.Session.from_config(config)
    config.hook.pytest_sessionstart(session=session)
    return session


class _SuiteModule(pytest.Module):
    """A module that has been imported already."""

    imported: types.ModuleType

    def _getobj(self) -> types.ModuleType:
        return self.imported


def run_pytest(
    session: pytest.Session, module: types.ModuleType, asked: tuple[Request, Callable[[], int]], results: list[Result]
) -> BaseException | None:
    """Collect and run; what the tests did is appended to `results` as it happens.

    Args:
        session: From `prepare`, not used before in this process.
        module: The imported suite.
        asked: Which tests, and the reader of the loop budget.
        results: Appended to.

    Returns:
        Why collecting failed, or None.
    """
    request, ticks = asked
    recorder = _Recorder(request, ticks, results)
    session.config.pluginmanager.register(recorder)
    node: _SuiteModule = _SuiteModule.from_parent(session, path=Path(str(module.__file__)))
    node.imported = module
    session.items = list(session.genitems(node))
    if recorder.collect_error is None:
        recorder.run(session)
    return recorder.collect_error


class _Recorder:
    """The plugin.

    Args:
        request: Which tests, in which order.
        ticks: Reads the loop budget spent so far.
        results: Appended to.
    """

    def __init__(self, request: Request, ticks: Callable[[], int], results: list[Result]) -> None:
        self._request = request
        self._ticks = ticks
        self._results = results
        self._returned = False
        self.collect_error: BaseException | None = None

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self) -> Any:
        """Remember why collecting failed; SystemExit passes through pytest, so it is caught here."""
        try:
            report: CollectReport = yield
        except BaseException as error:
            self.collect_error = error
            raise
        call = getattr(report, "call", None)
        if call is not None and call.excinfo is not None:
            self.collect_error = call.excinfo.value
        return report

    def run(self, session: pytest.Session) -> None:
        """Run the tests one after the other."""
        items = self._chosen(session.items)
        for item, following in zip(items, [*items[1:], None], strict=False):
            verdict, detail = self._run(item, following)
            self._results.append((short_id(item), verdict, detail, self._ticks()))
            if self._request.fail_fast and verdict in STOPPING:
                return

    def _chosen(self, items: list[pytest.Item]) -> list[pytest.Item]:
        tests = [item for item in items if getattr(getattr(item, "obj", None), "__module__", "") != "solution"]
        if self._request.keep is None:
            return tests
        named = {short_id(item): item for item in tests}
        return [named[name] for name in self._request.keep if name in named]

    def _run(self, item: pytest.Item, following: pytest.Item | None) -> tuple[TestVerdict, str]:
        problem: BaseException | None = None
        self._returned = False
        item.stash[tmppath_result_key] = {}  # what the reports, which are not made here, would leave for tmp_path
        try:
            item.ihook.pytest_runtest_setup(item=item)
            if isinstance(item, TestCaseFunction):
                _watch_test_case(item, self._came_back)
            item.ihook.pytest_runtest_call(item=item)
        except BaseException as error:  # noqa: BLE001 - the border to suite code, which may raise anything
            problem = error
        recorded = getattr(item, "_excinfo", None) or []
        try:
            item.ihook.pytest_runtest_teardown(item=item, nextitem=following)
        except BaseException as error:  # noqa: BLE001 - as above
            problem = problem or error
        if problem is None and recorded:
            problem = recorded[0].value
        if item.get_closest_marker("xfail") is not None:
            return TestVerdict.XFAILED, "marked as expected to fail"
        return judge(problem, returned=self._returned)

    def _came_back(self) -> None:
        self._returned = True

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> bool:
        """Call the test here, so that a patched `Function.runtest` cannot pass for a call."""
        names = pyfuncitem._fixtureinfo.argnames
        returned = pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names})
        if returned is None:
            self._came_back()
        return True


def short_id(item: pytest.Item) -> str:
    """The test id without the file: ``TestAdd::test_zero[1]``."""
    return item.nodeid.split("::", 1)[-1]


def _watch_test_case(item: Any, came_back: Callable[[], None]) -> None:
    """Notice that a unittest method returned; and make a failing sub-test fail its test without the reports."""
    method = item.obj

    @functools.wraps(method)
    def watched(*args: Any, **kwargs: Any) -> None:
        if method(*args, **kwargs) is None:
            came_back()

    @functools.wraps(method)
    async def awaited(*args: Any, **kwargs: Any) -> None:
        if await method(*args, **kwargs) is None:
            came_back()

    item.obj = awaited if inspect.iscoroutinefunction(method) else watched
    setattr(item.instance, item.name, item.obj)  # which pytest does for itself, but not where the method is a coroutine function
    item.addSubTest = lambda _case, _subtest, problem: item._addexcinfo(problem) if problem else None
