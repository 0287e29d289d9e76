"""Owns the run of a sample of oracle suites, and what their outcome says about all of them."""

from __future__ import annotations

from collections.abc import Sequence

from evaluation import Verdict
from harness.core.errors import ExitCode, HarnessError
from harness.core.records import Record
from harness.core.reliability import wilson_interval
from harness.data.inspection.parts import Failure, Oracles
from harness.data.prepared.execution import Executed, Execution, run_oracles

SHOWN = 5
"""Failures that are named."""


def run_sample(records: Sequence[Record], present: int, trainable: int, how: Execution) -> Oracles:
    """Run the suites of a sample.

    Args:
        records: The sample, each with a suite.
        present: Records with a suite, in all.
        trainable: Records with tests to train on, in all.
        how: Sandbox and limits.

    Raises:
        HarnessError: other than SANDBOX: where suites cannot be run safely, that is a finding.
    """
    if not records:
        return Oracles(present, trainable, note="" if present else "no record has an oracle suite")
    try:
        executed = run_oracles(records, how)
    except HarnessError as error:
        if error.code is not ExitCode.SANDBOX:
            raise
        return Oracles(present, trainable, note=f"{error.what}: {error.why}")
    passed = sum(one.whole for one in executed)
    low, high = wilson_interval(passed, len(executed))
    failures = tuple(Failure(one.record.id, _reason(one)) for one in executed if not one.whole)
    return Oracles(present, trainable, len(executed), passed, low, high, failures[:SHOWN])


def _reason(executed: Executed) -> str:
    if executed.verdict is not Verdict.VALID:
        detail = f": {executed.detail}" if executed.detail else ""
        return f"{executed.verdict.value.replace('_', ' ')}{detail}".splitlines()[0]
    total = len(executed.passed) + len(executed.failed)
    more = ", ..." if len(executed.failed) > 2 else ""
    return f"{len(executed.failed)} of {total} tests fail: {', '.join(executed.failed[:2])}{more}"
