"""What all parts of the benchmark share: the temporary folder, scoring with no result known before, progress."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.evaluation_data import Pair
from evaluation import FocalFunction, Report, ScoreSettings, SuiteScore, Verdict, score_suites
from evaluation.bytecode import compiled
from evaluation.prepare import prepare

WORKERS = 2
RESULTS = "findings"  # the kind under which `evaluation.verdicts` keeps results; mutants and their code are kept under others
EVERY = 100  # suites between two lines of progress


@dataclass(frozen=True, slots=True)
class Bench:
    """One run of the benchmark.

    Attributes:
        folder: For everything that is written; removed at the end.
        limit: Functions per data set, at most.
        scored: Function id -> score of the data sets' own suites seen so far, by any part.
    """

    folder: Path
    limit: int | None = None
    scored: dict[str, SuiteScore] = field(default_factory=dict)

    def size(self, wanted: int) -> int:
        """`wanted`, or the limit where that is smaller."""
        return wanted if self.limit is None else min(wanted, self.limit)

    def settings(self, mutants: int | None) -> ScoreSettings:
        """Module scope, as `mutmut run` has it; `mutants` per function, None for all."""
        cache = self.folder / "cache"
        return ScoreSettings(mutants_per_function=mutants, mutation_scope="module", workers=WORKERS, cache_dir=cache)

    def generate(self, functions: Sequence[FocalFunction], settings: ScoreSettings) -> float:
        """Fill the mutant store; seconds."""
        started = time.perf_counter()
        with compiled(settings.cache_dir) as bytecode:
            prepare(functions, settings, bytecode)
        return time.perf_counter() - started

    def score(self, pairs: Sequence[Pair], settings: ScoreSettings) -> tuple[Report, float]:
        """The report and the seconds it took, no result known before; the mutants come from the store where they are in it."""
        if settings.cache_dir is not None:
            shutil.rmtree(settings.cache_dir / RESULTS, ignore_errors=True)
        progress = _Progress(len(pairs))
        started = time.perf_counter()
        functions, suites = [function for function, _ in pairs], [suite for _, suite in pairs]
        report = score_suites(functions, suites, settings, progress.scored)
        return report, time.perf_counter() - started

    def usable(self, pairs: Sequence[Pair], *, timeouts: bool) -> list[Pair]:
        """Those that the ordinary tools can be asked about: every test of the suite counts, and there are mutants.

        Args:
            pairs: In order of preference.
            timeouts: Whether functions with mutants that a limit stops are wanted too.
        """
        report, _ = self.score(pairs, self.settings(None))
        rows = zip(pairs, report.scores, strict=True)
        return [pair for pair, score in rows if ordinary(pair, score) and (timeouts or not score.timeouts)]


def ordinary(pair: Pair, score: SuiteScore) -> bool:
    """Whether all tests pass under plain pytest too, as far as the score tells."""
    # pytest collects a function under test that is itself named test_*, and mutmut then stops.
    named = pair[0].entry_point.startswith("test")
    return score.verdict is Verdict.VALID and score.passed == score.collected and bool(score.mutants) and not named


def say(text: str) -> None:
    """A line of progress."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stderr.flush()


class _Progress:
    """Says every so often how many suites are scored.

    Args:
        total: How many there are.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0

    def scored(self, _score: SuiteScore) -> None:
        """Count one."""
        self._done += 1
        if self._done % EVERY == 0:
            say(f"  {self._done} of {self._total} suites")
