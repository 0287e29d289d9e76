"""The pytest plugin that runs the tests and judges them itself.

pytest's reports are not asked: a suite can patch them. A test has passed when its function was called here and came back
with None, and its setup and teardown raised nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Generator
from typing import Any

import pytest
from _pytest.outcomes import Failed, Skipped
from _pytest.reports import CollectReport
from _pytest.unittest import TestCaseFunction

from evaluation.records import TestVerdict
from evaluation.runner.forks import describe

STOPPING = frozenset({TestVerdict.FAILED, TestVerdict.ERROR, TestVerdict.MEMORY})
KINDS: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], TestVerdict], ...] = (
    (Skipped, TestVerdict.SKIPPED),
    (MemoryError, TestVerdict.MEMORY),
    ((AssertionError, Failed), TestVerdict.FAILED),
)
Result = tuple[str, TestVerdict, str]


class Recorder:
    """Collects, selects, runs and judges the tests of one suite.

    Args:
        focal: The object that the suite has to import.
        entry_point: Its name.
        keep: Test ids to run, or None for all.
        fail_fast: Stop at the first test that does not come back.
    """

    def __init__(self, focal: object, entry_point: str, keep: Collection[str] | None, *, fail_fast: bool) -> None:
        self._focal = focal
        self._entry_point = entry_point
        self._keep = keep
        self._fail_fast = fail_fast
        self._returned = False
        self.collect_error: BaseException | None = None
        self.rebound = False
        self.results: list[Result] = []
        self.ran = False

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self) -> Generator[None, CollectReport, CollectReport]:
        """Remember why collecting failed; SystemExit passes through pytest, so it is caught here."""
        try:
            report = yield
        except BaseException as error:
            self.collect_error = error
            raise
        call = getattr(report, "call", None)
        if call is not None and call.excinfo is not None:
            value = call.excinfo.value
            self.collect_error = value.__cause__ or value
        return report

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Drop a focal function that is itself named test_*, and the tests not asked for."""
        modules = [getattr(item, "module", None) for item in items]
        self.rebound = any(getattr(module, self._entry_point, self._focal) is not self._focal for module in modules)
        tests = [item for item in items if getattr(getattr(item, "obj", None), "__module__", "") != "solution"]
        items[:] = [item for item in tests if self._keep is None or short_id(item) in self._keep]

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run the tests one after the other."""
        self.ran = True
        for item, following in zip(session.items, [*session.items[1:], None], strict=False):
            verdict, detail = self._run(item, following)
            self.results.append((short_id(item), verdict, detail))
            if self._fail_fast and verdict in STOPPING:
                break
        return True

    def _run(self, item: pytest.Item, following: pytest.Item | None) -> tuple[TestVerdict, str]:
        problem: BaseException | None = None
        self._returned = False
        try:
            item.ihook.pytest_runtest_setup(item=item)
            if isinstance(item, TestCaseFunction):
                _watch_test_case(item, self._came_back)
            item.ihook.pytest_runtest_call(item=item)
        except BaseException as error:  # noqa: BLE001 - the border to suite code, which may raise anything
            problem = error
        try:
            recorded = getattr(item, "_excinfo", None) or []
            item.ihook.pytest_runtest_teardown(item=item, nextitem=following)
        except BaseException as error:  # noqa: BLE001 - as above
            problem = problem or error
        if problem is None and recorded:
            problem = recorded[0].value
        if item.get_closest_marker("xfail") is not None:
            return TestVerdict.XFAILED, "marked as expected to fail"
        return self._judge(problem)

    def _judge(self, problem: BaseException | None) -> tuple[TestVerdict, str]:
        if problem is None:
            returned = (TestVerdict.PASSED, "")
            return returned if self._returned else (TestVerdict.FAILED, "returned a value, or was never called")
        for kind, verdict in KINDS:
            if isinstance(problem, kind):
                return verdict, describe(problem)
        return TestVerdict.ERROR, describe(problem)

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

    item.obj = watched
    item.addSubTest = lambda _case, _subtest, problem: item._addexcinfo(problem) if problem else None
