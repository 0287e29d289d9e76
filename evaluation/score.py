"""Suites and functions in, a report out: control, mutants, oracles, suites, in that order."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from typing import Any

from evaluation.aggregate import Aggregate, aggregate
from evaluation.bytecode import compiled
from evaluation.engine import Engine
from evaluation.errors import EvaluationError
from evaluation.prepare import prepare
from evaluation.records import FocalFunction, ScoreSettings, Suite, SuiteScore
from evaluation.sandbox.levels import SandboxStrength, choose, strength_of
from evaluation.verdicts import SCORER_VERSION, Scorer


@dataclass(frozen=True, slots=True)
class Report:
    """The result of one scoring.

    Attributes:
        scores: One per function, in the order given.
        aggregate: Means with intervals.
        sandbox: The fence the suites ran in.
        settings: What they were scored with.
        tools: Versions that a score depends on.
        seconds: Stage -> wall seconds of each of its runs. Not part of `to_dict`, whose content repeats to the bit.
    """

    scores: tuple[SuiteScore, ...]
    aggregate: Aggregate
    sandbox: SandboxStrength
    settings: ScoreSettings
    tools: Mapping[str, str]
    seconds: Mapping[str, Sequence[float]] = field(default_factory=dict, compare=False)

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
        EvaluationError: if a tool or the input as a whole is broken. Never a score instead.
    """
    by_id = _by_function(functions, suites)
    fence = choose(settings.sandbox, unsafe=settings.unsafe)
    with compiled(settings.cache_dir) as bytecode:
        prepared = prepare(functions, settings, bytecode)
        engine = Engine(fence, bytecode)
        scorer = Scorer(engine, settings)

        def one(index: int) -> SuiteScore:
            return scorer.score(functions[index], prepared[index], by_id.get(functions[index].id))

        try:
            scores = _in_parallel(engine, one, len(functions), settings.workers, on_scored)
        finally:
            engine.end()
    return Report(tuple(scores), aggregate(scores, settings.seed), strength_of(fence), settings, tools(), dict(engine.seconds))


def tools() -> dict[str, str]:
    """Versions that a score depends on; a mutation score means nothing without them."""
    versions = {name: version(name) for name in ("pytest", "coverage", "libcst")}
    mutants = f"mutmut {version('mutmut')}"
    return {"python": sys.version.split()[0], "mutants": mutants, **versions, "scorer": str(SCORER_VERSION)}


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


def _in_parallel(
    engine: Engine,
    task: Callable[[int], SuiteScore],
    count: int,
    workers: int,
    done: Callable[[SuiteScore], None] | None,
) -> list[SuiteScore]:
    """Results in order. Whatever interrupts it, Ctrl-C included, ends every worker before it is raised."""
    pool = ThreadPoolExecutor(workers)
    futures: list[Future[SuiteScore]] = []
    try:
        pool.submit(engine.control).result()
        futures = [pool.submit(task, index) for index in range(count)]
        for future in as_completed(futures):
            result = future.result()
            if done is not None:
                done(result)
    except BaseException:
        engine.cancel()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    return [future.result() for future in futures]


def default_workers() -> int:
    """As many as this process may use cores."""
    return len(os.sched_getaffinity(0))
