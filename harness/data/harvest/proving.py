"""Owns the trial of candidates in the sandbox, until each has passed twice or has nothing left to be tried."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from evaluation import Verdict
from harness.core.records import Record
from harness.data.harvest.candidates import Candidate, decorators
from harness.data.prepared.execution import Executed, Execution, run_oracles
from harness.data.suites.convert import only_tests, targets_of

MAX_TRIES = 5
FIRST, CHUNK = 48, 256  # the first chunk is small: what breaks there is not tried again in the others
_BREAKS_ALWAYS = 3
_NEVER_ENDS = frozenset({Verdict.TIMEOUT, Verdict.CRASHED, Verdict.MEMORY})
_OF_SOURCE = frozenset({Verdict.FUNCTION_BROKEN, Verdict.FAILED_ON_REFERENCE, Verdict.IMPORT_ERROR, Verdict.FUNCTION_NOT_CALLED})


@dataclass(slots=True)
class _Trial:
    """Where one candidate stands."""

    candidate: Candidate
    sources: list[str]
    suites: list[str]
    tries: int = 0
    reason: str = ""

    @property
    def open(self) -> bool:
        return bool(self.sources and self.suites) and self.tries < MAX_TRIES


@dataclass(slots=True)
class Proven:
    """The outcome.

    Attributes:
        records: What passed twice, in the order of the candidates; origin and licence are the caller's to say.
        lost: Id -> why it was left out.
    """

    records: list[Record] = field(default_factory=list)
    lost: dict[str, str] = field(default_factory=dict)


def prove(candidates: Sequence[Candidate], how: Execution, said: tuple[str, str]) -> Proven:
    """Run every candidate; keep the tests that pass twice, and of the records those with one at least.

    Args:
        candidates: Ids unique.
        how: Sandbox and limits; `on_done` is told how many of the candidates were tried once.
        said: Origin and licence of the records.

    Raises:
        HarnessError: SANDBOX when suites cannot be run safely.
    """
    proven, lessons, start = Proven(), _Lessons(), 0
    made: dict[str, Record] = {}
    for chunk in _chunks(candidates):
        trials = [_Trial(one, lessons.worth_trying(one), list(one.suites)) for one in chunk]
        told = _from(how, start, len(candidates))
        while trials:
            executed = run_oracles([_record(trial, said) for trial in trials], told)
            for trial, one in zip(trials, executed, strict=True):
                lessons.learn(one)
                record = _judged(trial, one)
                if record is not None:
                    made[record.id] = record
                elif not trial.open:
                    proven.lost[trial.candidate.id] = trial.reason
            trials = [trial for trial in trials if trial.open and trial.candidate.id not in made]
            told = replace(how, on_done=None)
        start += len(chunk)
    proven.records = [made[one.id] for one in candidates if one.id in made]
    return proven


def _chunks(candidates: Sequence[Candidate]) -> Iterable[Sequence[Candidate]]:
    yield candidates[:FIRST]
    for start in range(FIRST, len(candidates), CHUNK):
        yield candidates[start : start + CHUNK]


def _from(how: Execution, start: int, total: int) -> Execution:
    """The execution, counting on from the chunks before."""
    on_done = how.on_done
    return replace(how, on_done=None if on_done is None else lambda done, _: on_done(start + done, total))


class _Lessons:
    """What the trials so far say about decorators: one that enters functions into a table breaks every slice it is in."""

    def __init__(self) -> None:
        self._broken: Counter[str] = Counter()
        self._fine: Counter[str] = Counter()

    def learn(self, executed: Executed) -> None:
        """Note how a source with its decorators did."""
        broke = executed.verdict is Verdict.FUNCTION_BROKEN
        (self._broken if broke else self._fine).update(decorators(executed.record.source))

    def worth_trying(self, one: Candidate) -> list[str]:
        """Its sources without those whose decorators have only ever broken them; all of them where none would be left."""
        hopeless = {name for name, times in self._broken.items() if times >= _BREAKS_ALWAYS and not self._fine[name]}
        return [source for source in one.sources if not decorators(source) & hopeless] or list(one.sources)


def _record(trial: _Trial, said: tuple[str, str]) -> Record:
    one = trial.candidate
    return Record(one.id, one.entry_point, trial.sources[0], (), trial.suites[0], *said)


def _judged(trial: _Trial, executed: Executed) -> Record | None:
    """The finished record, or None; then the trial says what is tried next."""
    trial.tries += 1
    record = executed.record
    if executed.whole and record.oracle_suite is not None:
        targets = targets_of(record.oracle_suite, record.entry_point)
        return replace(record, oracle_tests=targets.tests, oracle_imports=targets.imports)
    if executed.verdict is Verdict.VALID:
        # Once more without the others: a test may have passed only because one of them ran before it.
        smaller = only_tests(record.oracle_suite or "", executed.passed, executed.failed)
        trial.reason = "no test passes alone"
        trial.suites[:1] = [smaller] if smaller and smaller != record.oracle_suite else []
        return None
    trial.reason = _reason(executed)
    if executed.verdict in _NEVER_ENDS:
        trial.suites.pop(0)
    elif executed.verdict in _OF_SOURCE and len(trial.sources) > 1:
        trial.sources.pop(0)
    else:
        trial.suites.pop(0)
    return None


def _reason(executed: Executed) -> str:
    return {
        Verdict.FUNCTION_BROKEN: "the cut-out function cannot be imported",
        Verdict.FAILED_ON_REFERENCE: "no test passes on the cut-out function",
        Verdict.FLAKY: "its tests do not pass twice",
        Verdict.NO_CHECK: "its tests check nothing",
        Verdict.FUNCTION_NOT_CALLED: "its tests do not call the cut-out function",
    }.get(executed.verdict, f"its suite: {executed.verdict.value}")
