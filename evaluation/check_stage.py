"""Runs the passing tests on broken versions of the function: a test that none of them fails by a check has no idea what is right.

Every broken version is run twice: a test that ends otherwise the second time depends on chance.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from evaluation.answers import read
from evaluation.mutant_stage import Tests
from evaluation.records import TestVerdict
from evaluation.runner.sabotage import KINDS
from evaluation.runner.wire import Ended, Request

FAILED = frozenset({TestVerdict.FAILED})
MORE_RUNS = 4  # of a suite in which a test has depended on chance: now and then one fails twice without a reason


class CheckStage:
    """One suite's.

    Args:
        verdicts: The tests; those without a check, and those that depend on chance, are dropped here.
        base: The request that the runs differ from in their sabotage only.
        run: Runs a request.
    """

    def __init__(self, verdicts: Tests, base: Request, run: Callable[[Request], Ended]) -> None:
        self._verdicts = verdicts
        self._base = base
        self._run = run
        self.erratic = False

    def drop_without_check(self) -> None:
        """Break the function in several ways, until every test has noticed one."""
        unproven = self._verdicts.passed()
        for kind in KINDS:
            if unproven:
                noticed = self._noticed(kind, unproven)
                passed = self._verdicts.passed()
                unproven = tuple(name for name in unproven if name not in noticed and name in passed)
        self._verdicts.drop(unproven, TestVerdict.NO_CHECK)

    def _noticed(self, kind: str, names: tuple[str, ...]) -> set[str]:
        """Those of the tests that notice this kind of sabotage, both times."""
        first, second = (self._verdicts_on(kind, names) for _ in range(2))
        if not (first or second) and len(names) > 1:  # one of them hangs or dies on it: ask one by one
            return {name for name in names if self._noticed(kind, (name,))}
        changed = tuple(name for name in names if first.get(name) != second.get(name))
        self._verdicts.drop(changed, TestVerdict.FLAKY)
        self.erratic = self.erratic or bool(changed)
        runs = [first, second, *(self._verdicts_on(kind, names) for _ in range(MORE_RUNS if self.erratic else 0))]
        return {name for name in names if {run.get(name) for run in runs} == FAILED}

    def _verdicts_on(self, kind: str, names: tuple[str, ...]) -> dict[str, str]:
        """Test -> verdict; where the suite itself checks something when it is imported, all of its tests have noticed."""
        message = read(self._run(replace(self._base, keep=names, sabotage=kind)))
        if message.get("collect_error", [""])[0] == "AssertionError":
            return dict.fromkeys(names, TestVerdict.FAILED)
        return {name: verdict for name, verdict, *_ in message.get("tests", [])}
