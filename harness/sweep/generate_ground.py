"""What `harness generate` makes sure of before anything expensive: target, place, writer, sandbox, functions that can be run."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from evaluation import ScoreSettings
from evaluation.sandbox import Fence
from evaluation.score import default_workers
from harness.core.errors import HarnessError
from harness.data.models import resolve_model
from harness.data.targets.around import Around as Offered
from harness.data.targets.choosing import LeftOut, choose
from harness.data.targets.cutting import Cut, cut_out
from harness.data.targets.destination import Destination, open_destination
from harness.data.targets.plain_run import ELSEWHERE, PLAIN, Conditions, Ran, agreed, open_fence, run_plain
from harness.data.targets.rendering import Module, check_text, rendered
from harness.data.targets.target import Target, open_target
from harness.data.targets.tests import Test
from harness.files.cache import default_cache_root
from harness.sweep.generate_asked import GenerateAsked, writer_named
from harness.sweep.generate_scoring import Scoring, Subject, importable
from harness.sweep.scoring import evaluation_cache
from harness.sweep.watched import Around
from harness.sweep.workplace import check_platform
from harness.sweep.writing import Writing, base_of

OBSERVED_S = 10.0
"""Seconds for the calls of a function's tests, all together."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What a run stands on.

    Attributes:
        target: The module.
        destination: Where the tests go.
        writing: What writes them.
        fence: What whole files are run behind.
        settings: How suites are scored.
    """

    target: Target
    destination: Destination
    writing: Writing
    fence: Fence
    settings: ScoreSettings

    def run(self, text: str, name: str, under: Conditions = PLAIN) -> Ran:
        """Run a test file under plain pytest, with the project to read."""
        target = self.target
        roots = [target.import_root, *([] if target.project is None else [target.project])]
        return run_plain(text, name, list(dict.fromkeys(roots)), self.fence, under)

    def run_everywhere(self, text: str) -> Ran:
        """Run the file that is to be written; if it passes, with other hash seeds and another local time too."""
        name = self.destination.file.name
        first = self.run(text, name)
        if not first.passed:
            return first
        with ThreadPoolExecutor(len(ELSEWHERE)) as pool:
            return agreed([first, *pool.map(lambda under: self.run(text, name, under), ELSEWHERE)])

    def observe(self, tests: Sequence[Test]) -> Ran:
        """Run tests on the real module, for what they say."""
        return self.run(rendered(self.module, tests), "test_observed.py", Conditions(OBSERVED_S))

    @property
    def module(self) -> Module:
        """What the tests import."""
        return Module(self.target.module.name, own=not self.target.installed)


def open_ground(asked: GenerateAsked, around: Around) -> Ground:
    """Look at everything that can be wrong without running a model.

    Raises:
        HarnessError: BAD_INPUT for the target or the writer, CONFLICT or STORAGE for the file, ENVIRONMENT for the base model,
            SANDBOX where tests cannot be run safely.
    """
    check_platform()
    target = open_target(asked.target)
    choose(target)
    destination = open_destination(target, asked.out, overwrite=asked.overwrite, dry_run=asked.dry_run)
    writing = writer_named(asked.writer, asked.writing, asked.paths)
    resolve_model(writing.base or base_of(writing.adapter), None, default_cache_root(around.environ), around.say)
    settings = ScoreSettings(
        mutants_per_function=asked.mutants, workers=default_workers(), cache_dir=evaluation_cache(around.environ)
    )
    ground = Ground(target, destination, writing, open_fence(), settings)
    _require_importable(ground)
    return ground


def _require_importable(ground: Ground) -> None:
    """What cannot be imported cannot be tested."""
    ran = ground.run(check_text(ground.target.module.name), "test_imported.py")
    if not ran.passed:
        raise HarnessError(
            f"{ground.target.file} cannot be imported",
            why=ran.problem or "its import fails",
            fix="install what it needs beside harness; in the sandbox there is no network, and nothing can be written",
        )


def subjects_of(ground: Ground, around: Around) -> tuple[list[Subject], dict[str, str]]:
    """The functions that can be run alone in the sandbox, and why the others are left out.

    Raises:
        HarnessError: BAD_INPUT where there is no such function, SANDBOX when nothing can be run safely, INTERRUPTED.
    """
    wanted, unwanted = choose(ground.target)
    left_out = {one.name: one.reason for one in unwanted}
    around.say("looking at the functions")
    cuts: Sequence[Cut | LeftOut] = [cut_out(ground.target, one) for one in wanted]
    left_out |= {one.name: one.reason for one in cuts if isinstance(one, LeftOut)}
    real = frozenset(ground.target.module.bindings)
    ways = [(_subject(one.name, one.sources[0], real), one.sources) for one in cuts if isinstance(one, Cut)]
    found = importable(ways, Scoring(ground.settings, around.stop))
    left_out |= {subject.name: problem for subject, problem in found if problem}
    return [_subject(subject.name, subject.source, real) for subject, problem in found if not problem], left_out


def _subject(name: str, source: str, real: frozenset[str]) -> Subject:
    return Subject(name, source, Offered(source, name.split(".")[0], real))


def expected_end(asked: GenerateAsked, started: float, share: float = 1.0) -> float | None:
    """Seconds since the epoch at which a share of the budget is spent; None without one."""
    return None if asked.budget_s is None else started + share * asked.budget_s
