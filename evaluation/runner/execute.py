"""One run of a suite against one version of the function: what a fork does. Suite code runs here and nowhere else."""

from __future__ import annotations

import contextlib
import os
import random
import sys
import types
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from _pytest.config import _prepareconfig

from evaluation.records import TestVerdict
from evaluation.runner.forks import Message, describe
from evaluation.runner.measure import Measure
from evaluation.runner.plugin import Recorder

SUITE_FILE = "test_suite.py"
SOLUTION_FILE = "solution.py"
OFF = ("terminal", "cacheprovider", "faulthandler", "doctest", "junitxml", "pastebin", "stepwise", "warnings",
       "threadexception", "unraisableexception", "setuponly", "setupplan", "subtests", "legacypath", "reports")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Run:
    """One run.

    Attributes:
        source: The module the suite sees as ``solution``; never written to disk, where the reference stays.
        reference: The reference source.
        entry_point: Name of the focal function.
        folder: Where the suite and the reference lie.
        seed: Of `random`.
        keep: Test ids to run, or None for all.
        fail_fast: Stop at the first failing test.
        measure: Measure coverage of the focal function.
    """

    source: str
    reference: str
    entry_point: str
    folder: str
    seed: int = 0
    keep: Collection[str] | None = None
    fail_fast: bool = False
    measure: bool = False


def execute(run: Run, session: pytest.Session) -> Message:
    """Run the suite in this process, which is a fork made for it.

    Args:
        run: What to run.
        session: From `prepare`, not used before in this process.

    Returns:
        `tests` (id, verdict, detail), `rebound`, `collect_error` (type, text) and, when measured, `coverage`;
        or `solution_error` when the function's module itself raises.
    """
    random.seed(run.seed)
    sys.setrecursionlimit(1000)
    measure = Measure(run.reference, run.entry_point, run.folder) if run.measure else None
    with measure or contextlib.nullcontext():
        try:
            focal = import_solution(run.source, run.entry_point, run.folder)
        except Exception as error:  # noqa: BLE001 - a mutant may raise anything when imported
            return {"solution_error": describe(error)}
        recorder = Recorder(focal, run.entry_point, run.keep, fail_fast=run.fail_fast)
        _run_pytest(session, recorder)
    message = _message(recorder)
    if measure is not None:
        message["coverage"] = measure.result()
    return message


def import_solution(source: str, entry_point: str, folder: str) -> object:
    """Make `source` importable as ``solution`` without writing it anywhere; returns the focal object."""
    path = str(Path(folder) / SOLUTION_FILE)
    module = types.ModuleType("solution")
    module.__file__ = path
    sys.modules["solution"] = module
    exec(compile(source, path, "exec", dont_inherit=True), module.__dict__)  # noqa: S102 - the function under test
    return getattr(module, entry_point)


def prepare(folder: str) -> pytest.Session:
    """Start pytest up to the point where it would collect, once; every fork goes on from there.

    This saves three quarters of a run. There is no public way to stop a session there.
    """
    off = [argument for plugin in OFF for argument in ("-p", f"no:{plugin}")]
    options = ["-c", os.devnull, f"--rootdir={folder}", f"--confcutdir={folder}", "--noconftest", "--assert=plain"]
    quiet = ["--capture=sys", "--continue-on-collection-errors"]
    config = _prepareconfig([*off, *options, *quiet, f"{folder}/{SUITE_FILE}"])
    config._do_configure()
    session = pytest.Session.from_config(config)
    config.hook.pytest_sessionstart(session=session)
    return session


def _run_pytest(session: pytest.Session, recorder: Recorder) -> None:
    config = session.config
    try:
        config.pluginmanager.register(recorder)
        config.hook.pytest_collection(session=session)
        config.hook.pytest_runtestloop(session=session)
    except BaseException as error:  # noqa: BLE001 - pytest.exit, SystemExit, KeyboardInterrupt out of suite code
        recorder.collect_error = recorder.collect_error or error


def _message(recorder: Recorder) -> Message:
    message: dict[str, Any] = {"tests": recorder.results, "rebound": recorder.rebound, "ran": recorder.ran}
    if recorder.collect_error is not None:
        message["collect_error"] = [type(recorder.collect_error).__name__, describe(recorder.collect_error)]
    return message


def failures(message: Message) -> dict[str, TestVerdict]:
    """Test id -> verdict of the tests that did not pass."""
    verdicts = {name: TestVerdict(verdict) for name, verdict, _ in message.get("tests", [])}
    return {name: verdict for name, verdict in verdicts.items() if verdict is not TestVerdict.PASSED}
