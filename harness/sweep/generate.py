"""What `harness generate` does: have tests written for the functions of a file, keep the sound ones, put them in their place."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from harness.core.generated import FunctionOutcome, GenerateOutcome
from harness.core.records import Record
from harness.data.targets.destination import save
from harness.data.targets.pieces import count_tests
from harness.data.targets.rendering import compatible, rendered
from harness.data.targets.tests import Test, distinct
from harness.sweep.generate_asked import GenerateAsked
from harness.sweep.generate_ground import Ground, expected_end, open_ground, subjects_of
from harness.sweep.generate_keeping import Kept, keep, kept_anew
from harness.sweep.generate_scoring import Scoring, Subject
from harness.sweep.watched import Around
from harness.sweep.writing import written_by

WRITING_SHARE = 0.75
"""Of a budget; the rest is for scoring."""
GROUP = 4
"""Functions scored together: between two groups the time is looked at."""
CHECKS = 5
"""Runs of the whole file, at most: each drops what failed in the one before."""


class Generation:
    """One run of the command.

    Args:
        asked: What is asked for.
        around: What comes from the entry point.
        ground: What has been opened before for the same target, place and writer; None opens it.

    Raises:
        HarnessError: as `open_ground`; nothing has been run or written then.
    """

    def __init__(self, asked: GenerateAsked, around: Around, ground: Ground | None = None) -> None:
        self._asked, self._around = asked, around
        self._started = time.time()
        self._seconds: dict[str, float] = {}
        self._problems: dict[str, str] = {}
        self.ground: Ground = ground or open_ground(asked, around)
        self._scoring = Scoring(self.ground.settings, around.stop)

    def outcome(self) -> GenerateOutcome:
        """Do all of it.

        Raises:
            HarnessError: as `subjects_of`, `written_by`, `save`; INTERRUPTED. Nothing is written then.
        """
        subjects, left_out = subjects_of(self.ground, self._around)
        return self.finish(self.write(subjects), subjects, left_out)

    def write(self, subjects: Sequence[Subject]) -> list[Subject]:
        """The functions that were reached in time, with what the model wrote for them."""
        if not subjects:
            return []
        until = expected_end(self._asked, self._started, WRITING_SHARE)
        writing = replace(self.ground.writing, until=until, whole_tests=False)
        records = [Record(one.name, one.name, one.source, (), None, "", "unknown") for one in subjects]
        begun = time.time()
        with tempfile.TemporaryDirectory(prefix="harness-generate-") as folder:
            suites = written_by(writing, records, Path(folder), self._around)
        samples: dict[str, list[str]] = {}
        for suite in suites:
            samples.setdefault(suite.function_id, []).append(suite.code)
        self._seconds = dict.fromkeys(samples, (time.time() - begun) / max(1, len(samples)))
        return [replace(one, samples=tuple(samples[one.name])) for one in subjects if one.name in samples]

    def finish(self, written: Sequence[Subject], subjects: Sequence[Subject], left_out: dict[str, str]) -> GenerateOutcome:
        """From what was written to the file.

        Args:
            written: Functions with their samples.
            subjects: All functions, for the names of those that were not reached.
            left_out: Function -> why it was not even tried.

        Raises:
            HarnessError: STORAGE where the file cannot be written, SANDBOX, INTERRUPTED.
        """
        kept = self._kept(written)
        text, tests = self._checked(kept)
        told = [self._told(one, [test for test in tests if test.function == one.subject.name]) for one in kept]
        saved = bool(text) and not self._asked.dry_run
        self._scoring.go_on()
        if saved:
            save(self.ground.destination, text)
        reached = {one.subject.name for one in kept}
        return GenerateOutcome(
            self._asked.target,
            self.ground.destination.shown,
            text,
            saved,
            functions=tuple(told),
            left_out=left_out,
            not_reached=tuple(one.name for one in subjects if one.name not in reached),
            seconds=time.time() - self._started,
        )

    def _kept(self, subjects: Sequence[Subject]) -> list[Kept]:
        found: list[Kept] = []
        end = expected_end(self._asked, self._started)
        for first in range(0, len(subjects), GROUP):
            if found and end is not None and time.time() > end:
                break
            self._around.say(f"functions scored: {first} of {len(subjects)}")
            group = subjects[first : first + GROUP]
            begun = time.time()
            found += keep(group, self._scoring, self.ground.observe, observed=self._asked.observed)
            for one in group:
                self._seconds[one.name] = self._seconds.get(one.name, 0.0) + (time.time() - begun) / len(group)
        return found

    def _checked(self, kept: Sequence[Kept]) -> tuple[str, list[Test]]:
        """The file and its tests, which all pass under plain pytest; nothing where none is left."""
        tests = distinct(compatible(test for one in kept for test in one.tests))
        for _ in range(CHECKS):
            if not tests:
                break
            self._scoring.go_on()
            self._around.say("running the whole file")
            text = rendered(self.ground.module, tests, self.ground.destination.style)
            ran = self.ground.run_everywhere(text)
            if ran.passed:
                return text, tests
            tests = self._apart(tests) if ran.problem else [test for test in tests if ran.tests.get(test.name)]
        return "", []

    def _apart(self, tests: Sequence[Test]) -> list[Test]:
        """Of a file that does not run to its end: the tests of those functions whose own do, as far as they pass."""
        passing: list[Test] = []
        for name in dict.fromkeys(test.function for test in tests):
            self._scoring.go_on()
            self._around.say(f"running the tests of {name}")
            own = [test for test in tests if test.function == name]
            ran = self.ground.run_everywhere(rendered(self.ground.module, own, self.ground.destination.style))
            if ran.problem:
                self._problems[name] = f"its tests do not run to their end on the module: {ran.problem}"
            else:
                passing += [test for test in own if ran.tests.get(test.name)]
        return passing

    def _told(self, one: Kept, passing: Sequence[Test]) -> FunctionOutcome:
        name, written = one.subject.name, count_tests(one.subject.samples)
        failed = self._problems.get(name, "its tests pass on the function alone, but not on the module")
        reason = one.reason or ("" if passing else failed)
        if len(passing) < len(one.tests):
            one = kept_anew(one, passing, self._scoring)
        seconds, observed = self._seconds.get(name, 0.0), sum(test.observed for test in passing)
        return FunctionOutcome(name, written, len(passing), *one.counts, seconds=seconds, reason=reason, observed=observed)
