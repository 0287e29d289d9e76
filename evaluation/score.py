"""Suites and functions in, a report out: control, mutants, oracles, suites, in that order."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any, TypeVar

from evaluation.aggregate import Aggregate, aggregate
from evaluation.assess import Oracle, Yardstick, assess
from evaluation.bytecode import compiled
from evaluation.cache import Cache, key_of
from evaluation.errors import EvaluationError
from evaluation.mutants import MutantSet, sample_mutants, tool
from evaluation.records import FocalFunction, ScoreSettings, Suite, SuiteScore, Verdict
from evaluation.runner.job import Findings
from evaluation.runner.source import FocalNotFoundError, focal_node
from evaluation.runners import Runners, killed_indices, stopped_indices
from evaluation.sandbox import SandboxStrength, choose, strength_of

SCORER_VERSION = 1  # raise it when the same suite would be scored differently
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Report:
    """The result of one scoring.

    Attributes:
        scores: One per function, in the order given.
        aggregate: Means with intervals.
        sandbox: The fence the suites ran in.
        settings: What they were scored with.
        tools: Versions that a score depends on.
    """

    scores: tuple[SuiteScore, ...]
    aggregate: Aggregate
    sandbox: SandboxStrength
    settings: ScoreSettings
    tools: Mapping[str, str]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready mapping; equal for equal input on the same machine and versions."""
        return {
            "scores": [score.to_dict() for score in self.scores],
            "aggregate": self.aggregate.to_dict(),
            "metrics": self.aggregate.to_metrics(),
            "sandbox": asdict(self.sandbox),
            "settings": self.settings.to_dict(),
            "tools": dict(self.tools),
        }


def score_suites(
    functions: Sequence[FocalFunction],
    suites: Iterable[Suite],
    settings: ScoreSettings,
    on_scored: Callable[[SuiteScore], None] | None = None,
) -> Report:
    """Run every suite against its function and score it.

    Args:
        functions: All of them count, also those without a suite (verdict ``missing``).
        suites: At most one per function.
        settings: Limits, mutants, sandbox.
        on_scored: Called in the calling thread after each suite, in the order they finish.

    Raises:
        SandboxUnavailableError: if the asked sandbox does not work here.
        EvaluationError: if a tool, a reference function or the input is broken. Never a score instead.
    """
    by_id = _by_function(functions, suites)
    for function in functions:
        _check_reference(function)
    level = choose(settings.sandbox)
    with compiled(settings.cache_dir) as bytecode:
        runners = Runners(level, settings, bytecode)
        runners.control()
        sets = sample_mutants(functions, settings, bytecode)
        yardsticks = _yardsticks(runners, functions, sets, settings)

        def one(index: int) -> SuiteScore:
            return _score(runners, functions[index], by_id.get(functions[index].id), (sets[index], yardsticks[index]))

        scores = _in_parallel(runners, one, len(functions), settings.workers, on_scored)
    return Report(tuple(scores), aggregate(scores, settings.seed), strength_of(level), settings, _tools())


def _tools() -> dict[str, str]:
    versions = {name: version(name) for name in ("pytest", "coverage", "libcst")}
    return {"python": sys.version.split()[0], "mutants": tool(), **versions, "scorer": str(SCORER_VERSION)}


def _by_function(functions: Sequence[FocalFunction], suites: Iterable[Suite]) -> dict[str, Suite]:
    known = {function.id for function in functions}
    if len(known) != len(functions):
        raise EvaluationError("two functions have the same id", fix="make the ids unique")
    found: dict[str, Suite] = {}
    for suite in suites:
        if suite.function_id not in known or suite.function_id in found:
            problem = "a second suite" if suite.function_id in found else "a suite for an unknown function"
            raise EvaluationError(f"{problem}: {suite.function_id}", fix="give at most one suite per function")
        found[suite.function_id] = suite
    return found


def _check_reference(function: FocalFunction) -> None:
    try:
        focal_node(function.source, function.entry_point)
    except (FocalNotFoundError, SyntaxError, ValueError) as error:
        raise EvaluationError(f"the reference of {function.id} is broken", why=str(error), fix="correct the data") from error


def _score(runners: Runners, function: FocalFunction, suite: Suite | None, measured: tuple[MutantSet, Yardstick]) -> SuiteScore:
    mutants, yardstick = measured
    if suite is None:
        found = Findings(Verdict.MISSING, "no suite was given for this function")
    else:
        found = runners.findings(runners.job(function.source, function.entry_point, suite.code, mutants.mutants))
    return assess(function.id, found, yardstick)


def _yardsticks(
    runners: Runners, functions: Sequence[FocalFunction], sets: Sequence[MutantSet], settings: ScoreSettings
) -> list[Yardstick]:
    store = Cache(settings.cache_dir)

    def one(index: int) -> Yardstick:
        return _yardstick(runners, functions[index], sets[index], store)

    return _in_parallel(runners, one, len(functions), settings.workers)


def _yardstick(runners: Runners, function: FocalFunction, made: MutantSet, store: Cache) -> Yardstick:
    count = len(made.mutants)
    if not count or function.oracle_suite is None:
        return Yardstick(count, None, made.problem)
    job = runners.job(function.source, function.entry_point, function.oracle_suite, made.mutants)
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    limits = (job.suite_timeout_s, job.mutant_timeout_s, job.memory_bytes)
    key = key_of(made.key, function.oracle_suite, *limits, python, version("pytest"), SCORER_VERSION)
    kept = store.get("oracles", key)
    if kept is None:
        found = runners.findings(job)
        problem = f"the oracle suite is not usable: {found.verdict}, {found.detail}"
        kept = {
            "problem": "" if found.verdict is Verdict.VALID else problem,
            "killed": sorted(killed_indices(found.fates)),
            "stopped": sorted(stopped_indices(found.fates)),
        }
        store.put("oracles", key, kept)
    if kept["problem"]:
        return Yardstick(count, None, kept["problem"])
    return Yardstick(count, Oracle(frozenset(kept["killed"]), frozenset(kept["stopped"])))


def _in_parallel(
    runners: Runners, task: Callable[[int], T], count: int, workers: int, done: Callable[[T], None] | None = None
) -> list[T]:
    """Results in order. Whatever interrupts it, Ctrl-C included, ends every runner before it is raised."""
    pool = ThreadPoolExecutor(workers)
    futures: list[Future[T]] = []
    try:
        futures = [pool.submit(task, index) for index in range(count)]
        for future in as_completed(futures):
            result = future.result()
            if done is not None:
                done(result)
    except BaseException:
        runners.cancel()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    return [future.result() for future in futures]
