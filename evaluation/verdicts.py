"""From one suite to its score: oracle, suite, suite without the asserts it copied. Findings are kept by content."""

from __future__ import annotations

import functools
import sys
from importlib.metadata import version

from evaluation.assess import CopiedPart, Yardstick, assess
from evaluation.cache import Cache, key_of
from evaluation.copies.prompt_examples import prompt_examples
from evaluation.engine import Engine
from evaluation.findings import Findings
from evaluation.job import Job, Prepared
from evaluation.records import FocalFunction, ScoreSettings, Suite, SuiteScore, TestVerdict, Verdict

SCORER_VERSION = 2  # raise it when the same suite would be scored differently
FINDINGS_VERSION = 2  # raise it when findings hold more than before, so that none of the cache lacks it
PASSING = {Verdict.TIMEOUT, Verdict.CRASHED, Verdict.MEMORY}  # what may be otherwise on another day is not kept
WRONG = {TestVerdict.FAILED, TestVerdict.ERROR}


class Scorer:
    """Scores suites of any function.

    Args:
        engine: Runs them.
        settings: Limits and the cache.
    """

    def __init__(self, engine: Engine, settings: ScoreSettings) -> None:
        self._engine = engine
        self._settings = settings
        self._store = Cache(settings.cache_dir)

    def score(self, function: FocalFunction, prepared: Prepared | str, suite: Suite | None) -> SuiteScore:
        """Score one suite, or the lack of one."""
        yardstick = self._yardstick(function, prepared)
        if yardstick.broken or isinstance(prepared, str):
            return assess(function.id, Findings(Verdict.FUNCTION_BROKEN, yardstick.broken), Yardstick())
        if suite is None:
            return assess(function.id, Findings(Verdict.MISSING, "no suite was given for this function"), yardstick)
        found = self._findings(prepared, suite.code, self._examples(function))
        if found.verdict is Verdict.FUNCTION_BROKEN and self._can_be_imported(prepared):
            found = Findings(Verdict.FORGED, "a run said that the function is broken, which it is not")
        return assess(function.id, found, yardstick, self._copied(prepared, found))

    def _yardstick(self, function: FocalFunction, prepared: Prepared | str) -> Yardstick:
        if isinstance(prepared, str):
            return Yardstick(broken=prepared)
        mutants, note = prepared.variants.mutants, prepared.variants.problem
        if function.oracle_suite is None:
            return Yardstick(mutants, None, note)
        oracle = self._findings(prepared, function.oracle_suite)
        if oracle.verdict is Verdict.VALID:
            return Yardstick(mutants, oracle, note)
        problem = f"{oracle.verdict}, {oracle.detail}"
        if oracle.verdict is Verdict.FUNCTION_BROKEN:
            return Yardstick(broken=oracle.detail)
        if WRONG & set(oracle.tests.values()):
            return Yardstick(broken=f"the reference fails its own oracle suite: {problem}")
        note = "; ".join(part for part in (note, f"the oracle suite is not usable: {problem}") if part)
        return Yardstick(mutants, None, note)

    def _can_be_imported(self, prepared: Prepared) -> bool:
        """Whether the function's module works, asked without a suite that could answer in its place."""
        bare = f"from solution import {prepared.entry_point.split('.')[0]}\n"
        return self._findings(prepared, bare).verdict is not Verdict.FUNCTION_BROKEN

    @staticmethod
    def _examples(function: FocalFunction) -> frozenset[str]:
        prompt = function.source if function.prompt is None else function.prompt
        return prompt_examples(prompt, function.entry_point.split(".")[-1])

    def _copied(self, prepared: Prepared, found: Findings) -> CopiedPart:
        copies = found.copies
        if copies.without is None:
            return CopiedPart(copies.asserts, copies.copied)
        left = copies.without.strip()
        without = self._findings(prepared, copies.without) if left else Findings(Verdict.NO_CHECK, "every check is copied")
        return CopiedPart(copies.asserts, copies.copied, without)

    def _findings(self, prepared: Prepared, suite: str, examples: frozenset[str] = frozenset()) -> Findings:
        suite = suite.removeprefix("\ufeff")  # a byte order mark, which Python itself skips in a file
        limits = self._settings
        times = (limits.suite_timeout_s, limits.mutant_timeout_s, limits.memory_bytes)
        text = suite.encode("utf-8", "surrogatepass")
        key = key_of(prepared.variants.key, prepared.entry_point, text, sorted(examples), limits.seed, *times, *_tools())
        kept = self._store.read("findings", key, Findings.from_dict)
        if kept is not None:
            return kept
        found = self._engine.findings(Job(prepared, suite, limits.seed, *times, examples=examples))
        if found.verdict not in PASSING:
            self._store.put("findings", key, found.to_dict())
        return found


@functools.cache
def _tools() -> tuple[object, ...]:
    return (*sys.version_info[:3], version("pytest"), version("coverage"), SCORER_VERSION, FINDINGS_VERSION)
