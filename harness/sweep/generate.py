"""What `harness generate` does: have tests written for the functions of a file, keep the sound ones, put them in their place."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from evaluation import ScoreSettings
from evaluation.score import default_workers
from harness.core.errors import ExitCode, HarnessError
from harness.core.records import Record
from harness.data.models import resolve_model
from harness.data.targets.around import Around as Offered
from harness.data.targets.choosing import LeftOut, choose
from harness.data.targets.cutting import Cut, cut_out
from harness.data.targets.destination import Destination, open_destination, save
from harness.data.targets.plain_run import open_fence, run_plain
from harness.data.targets.rendering import Module, check_text, rendered
from harness.data.targets.target import Target, open_target
from harness.data.targets.tests import Test, distinct
from harness.files.cache import default_cache_root
from harness.sweep.evaluate import Around
from harness.sweep.generate_asked import FunctionOutcome, GenerateAsked, GenerateOutcome, writer_named
from harness.sweep.generate_scoring import Kept, Subject, covered, importable, keep
from harness.sweep.scoring import evaluation_cache
from harness.sweep.workplace import check_platform
from harness.sweep.writing import Writing, base_of, written_by

WRITING_SHARE = 0.75
"""Of a budget; the rest is for scoring, which takes about a tenth of the time that writing takes on a CPU."""
GROUP = 4
"""Functions scored together: between two groups the time is looked at."""
CHECKS = 4
"""Runs of the whole file; each drops what failed in the one before."""


class Generation:
    """One run of the command.

    Args:
        asked: What is asked for.
        around: What comes from the entry point.
    """

    def __init__(self, asked: GenerateAsked, around: Around) -> None:
        self._asked, self._around = asked, around
        self._started = time.time()
        self._target = open_target(asked.target)
        self._destination: Destination = open_destination(
            self._target, asked.out, overwrite=asked.overwrite, dry_run=asked.dry_run
        )
        self._writing = writer_named(asked.writer, asked.writing)
        self._fence = open_fence()
        self._settings = ScoreSettings(
            mutants_per_function=asked.mutants, workers=default_workers(), cache_dir=evaluation_cache(around.environ)
        )
        self._left_out: dict[str, str] = {}
        self._seconds: dict[str, float] = {}

    def outcome(self) -> GenerateOutcome:
        """Do all of it.

        Raises:
            HarnessError: with three lines for whatever is not as it should be; nothing is written then.
        """
        check_platform()
        wanted, left_out = choose(self._target)
        self._left_out = {one.name: one.reason for one in left_out}
        resolve_model(self._writing.base or base_of(self._writing.adapter), None, default_cache_root(self._around.environ))
        self._check_import()
        subjects = self._subjects([cut_out(self._target, one) for one in wanted])
        written = self._written(subjects)
        kept = self._kept(written)
        reached = {one.subject.name for one in kept}
        text, passing = self._checked(kept)
        saved = bool(text) and not self._asked.dry_run
        if saved:
            save(self._destination, text)
        functions = tuple(self._told(one, passing.get(one.subject.name, ())) for one in kept)
        missed = tuple(subject.name for subject in subjects if subject.name not in reached)
        spent = time.time() - self._started
        shown = self._destination.shown
        return GenerateOutcome(self._asked.target, shown, text, saved, functions, self._left_out, missed, spent)

    def _check_import(self) -> None:
        """What cannot be imported cannot be tested."""
        ran = run_plain(check_text(self._target.module.name), "test_imported.py", self._roots(), self._fence)
        if not ran.passed:
            raise HarnessError(
                f"{self._target.file} cannot be imported",
                why=ran.problem or "its import fails",
                fix="install what it needs beside harness; in the sandbox there is no network and nothing can be written",
            )

    def _roots(self) -> list[Path]:
        target = self._target
        return list(dict.fromkeys([target.import_root, *([] if target.project is None else [target.project])]))

    def _subjects(self, cuts: Sequence[Cut | LeftOut]) -> list[Subject]:
        """The functions that can be run in the sandbox alone."""
        real = frozenset(self._target.module.bindings)
        whole = []
        for cut in cuts:
            if isinstance(cut, LeftOut):
                self._left_out[cut.name] = cut.reason
            else:
                whole.append((Subject(cut.name, cut.sources[0], Offered(cut.sources[0], cut.name.split(".")[0], real)), cut))
        self._around.say("looking at the functions")
        found = importable([(subject, cut.sources) for subject, cut in whole], self._settings)
        self._left_out |= {subject.name: problem for subject, problem in found if problem}
        subjects = [subject for subject, problem in found if not problem]
        return [replace(one, around=Offered(one.source, one.around.head, real)) for one in subjects]

    def _written(self, subjects: Sequence[Subject]) -> list[Subject]:
        """The functions that were reached, with what the model wrote."""
        if not subjects:
            return []
        budget = self._asked.budget_s
        writing: Writing = replace(self._writing, until=None if budget is None else self._started + WRITING_SHARE * budget)
        records = [Record(one.name, one.name, one.source, (), None, "", "unknown") for one in subjects]
        begun = time.time()
        with tempfile.TemporaryDirectory(prefix="harness-generate-") as folder:
            place = (Path(folder), self._around.environ, self._around.stop)
            suites = written_by(writing, records, place, self._around.say)
        samples: dict[str, list[str]] = {}
        for suite in suites:
            samples.setdefault(suite.function_id, []).append(suite.code)
        self._seconds = dict.fromkeys(samples, (time.time() - begun) / max(1, len(samples)))
        return [replace(one, samples=tuple(samples[one.name])) for one in subjects if one.name in samples]

    def _kept(self, subjects: Sequence[Subject]) -> list[Kept]:
        found: list[Kept] = []
        for first in range(0, len(subjects), GROUP):
            self._stop_if_asked()
            if found and self._asked.budget_s is not None and time.time() > self._started + self._asked.budget_s:
                break
            self._around.say(f"functions scored: {first} of {len(subjects)}")
            group = subjects[first : first + GROUP]
            begun = time.time()
            found += keep(group, self._settings)
            for one in group:
                self._seconds[one.name] += (time.time() - begun) / len(group)
        return found

    def _stop_if_asked(self) -> None:
        if self._around.stop.requested:
            fix = "run the same command again; nothing was written"
            raise HarnessError("interrupted", why="Ctrl-C", fix=fix, code=ExitCode.INTERRUPTED)

    def _checked(self, kept: Sequence[Kept]) -> tuple[str, dict[str, tuple[Test, ...]]]:
        """The file, whose tests all pass under plain pytest, and the tests of each function in it; empty where none is left."""
        tests = distinct(test for one in kept for test in one.tests)
        module = Module(self._target.module.name, own=not self._target.installed)
        for _ in range(CHECKS):
            if not tests:
                break
            self._around.say("running the whole file")
            text = rendered(module, tests, self._destination.style)
            ran = run_plain(text, self._destination.file.name, self._roots(), self._fence)
            if ran.passed:
                return text, {one.subject.name: tuple(t for t in tests if t.function == one.subject.name) for one in kept}
            tests = [test for test in tests if ran.tests.get(test.name)] if ran.tests else []
        return "", {}

    def _told(self, one: Kept, passing: Sequence[Test]) -> FunctionOutcome:
        from harness.data.targets.pieces import count_tests

        name, written = one.subject.name, count_tests(one.subject.samples)
        seconds = self._seconds.get(name, 0.0)
        if one.score is None or not passing:
            reason = one.reason or "its tests pass on the function alone, but not in the file"
            return FunctionOutcome(name, written, 0, seconds=seconds, reason=reason)
        return FunctionOutcome(name, written, len(passing), *covered(one.subject, one.score), seconds=seconds)


def open_generation(asked: GenerateAsked, around: Around) -> Generation:
    """Check everything that can be checked before anything expensive."""
    return Generation(asked, around)


__all__ = ["Generation", "Target", "open_generation"]
