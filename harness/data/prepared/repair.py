"""Owns what the sandbox's verdicts do to records: failing tests go, and with its last test a record. Runs nothing itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from evaluation import Verdict
from harness.core.records import Record
from harness.data.prepared.execution import Executed
from harness.data.suites.convert import only_tests, targets_of

_TEST = re.compile(r"^(?:async )?def (test\w*)", re.MULTILINE)
_ROUNDS = 3  # a test that leans on a removed one fails in the second; what still changes then is thrown away

Run = Callable[[Sequence[Record]], list[Executed]]


@dataclass(frozen=True, slots=True)
class Refused:
    """A record whose oracle does not hold.

    Attributes:
        id: Of the record.
        reason: Kind, without anything of the record.
        detail: What happened.
    """

    id: str
    reason: str
    detail: str


def repaired(records: Sequence[Record], run: Run) -> Iterator[tuple[Record | Refused, int]]:
    """Each record with the tests that pass, and how many were removed; in order. Records without a suite stay as they are.

    Args:
        records: With unique ids.
        run: Runs oracle suites; `run_oracles` with its settings.
    """
    results: dict[str, Record | Refused] = {record.id: record for record in records if record.oracle_suite is None}
    removed: dict[str, int] = {}
    waiting = [record for record in records if record.oracle_suite is not None]
    for last in (False,) * (_ROUNDS - 1) + (True,):
        again: list[Record] = []
        for done in run(waiting) if waiting else ():
            settled = _settled(done, last=last)
            if settled is None:
                again.append(_without_failed(done))
                removed[done.record.id] = removed.get(done.record.id, 0) + len(done.failed)
            else:
                results[done.record.id] = settled
        waiting = again
    checked = _checked_targets([record for record in results.values() if isinstance(record, Record)], run)
    for record in records:
        result = results[record.id]
        yield checked.get(record.id, result) if isinstance(result, Record) else result, removed.get(record.id, 0)


def _settled(done: Executed, *, last: bool) -> Record | Refused | None:
    """The record or its refusal; None for a suite that is worth another try without its failing tests."""
    if done.whole:
        return done.record
    if not done.passed:
        return Refused(done.record.id, f"oracle suite: {done.verdict.value.replace('_', ' ')}", done.detail)
    if last or done.verdict is not Verdict.VALID or _without_failed(done).oracle_suite is None:
        return Refused(done.record.id, "oracle suite: nothing whole is left of it", done.detail or ", ".join(done.failed))
    return None


def _without_failed(done: Executed) -> Record:
    record, suite = done.record, done.record.oracle_suite or ""
    kept = only_tests(suite, done.passed, done.failed)
    if kept is None:
        return replace(record, oracle_suite=None, oracle_tests=())
    if _verbatim(record):
        return replace(record, oracle_suite=kept, oracle_tests=tuple(t for t in record.oracle_tests if t.strip() in kept))
    targets = targets_of(kept, record.entry_point)
    return replace(record, oracle_suite=kept, oracle_tests=targets.tests, oracle_imports=targets.imports)


def _checked_targets(records: Sequence[Record], run: Run) -> dict[str, Record]:
    """Records whose training tests are no part of the suite that ran, with those of them that pass as well."""
    rewritten = [record for record in records if record.oracle_tests and not _verbatim(record)]
    alone = [replace(record, oracle_suite=_suite_of_targets(record)) for record in rewritten]
    checked: dict[str, Record] = {}
    for record, done in zip(rewritten, run(alone) if alone else (), strict=True):
        kept = tuple(test for test in record.oracle_tests if _name(test) in done.passed)
        checked[record.id] = replace(record, oracle_tests=kept)
    return checked


def _verbatim(record: Record) -> bool:
    return all(test.strip() in (record.oracle_suite or "") for test in record.oracle_tests)


def _suite_of_targets(record: Record) -> str:
    imports = [*record.oracle_imports, f"from solution import {record.entry_point.split('.')[0]}"]
    return "\n\n\n".join(["\n".join(imports), *(test.strip() for test in record.oracle_tests)]) + "\n"


def _name(test: str) -> str:
    found = _TEST.search(test)
    return found[1] if found is not None else ""
