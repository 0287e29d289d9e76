"""Writes several suites for each function: the first greedy, the others drawn.

A few functions at a time, the shortest first. Every suite draws from random numbers of its own: a function gets the same suites
whatever is written beside it. Owns the grouping and the deadline; prompts and the cut are `harness.trial.generation`'s.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from harness.trial.drawing import row_seed
from harness.trial.engine import TooManyRowsError
from harness.trial.generation import Prompt, Writer, Written, build_prompts, decoding, suite_of_row
from harness.trial.readings import give_back_memory
from harness.trial.spec import GeneratedSuite, GenerateSpec

Timed = list[tuple[GeneratedSuite, float]]
"""Suites and the seconds until each was there."""


def write_samples(
    writer: Writer,
    spec: GenerateSpec,
    keep: Callable[[Sequence[GeneratedSuite]], None],
    report: Callable[[int, int], None],
) -> Written:
    """Write `spec.samples` suites for every function of the file, the shortest first, until the time is up.

    As many functions are written together as make `spec.batch_size` rows; half as many from where a device ran out of memory.

    Args:
        writer: What writes.
        spec: What to write for and how.
        keep: Given the suites of a few functions as soon as they are written.
        report: Called after these with functions written and functions to write.

    Raises:
        HarnessError: if the model's chat template refuses the prompt.
        TooManyRowsError: if not even one suite fits.
    """
    prompts = sorted(build_prompts(writer.tokenizer, spec, writer.wording), key=lambda one: len(one.ids))
    started, rows = time.monotonic(), spec.batch_size
    written: Timed = []
    done = 0
    report(0, len(prompts))
    while done < len(prompts) and not (spec.until is not None and time.time() >= spec.until):
        together = prompts[done : done + max(1, rows // spec.samples)]
        try:
            found = _written(writer, together, spec, rows)
        except TooManyRowsError:
            if rows == 1:
                raise
            rows //= 2
            give_back_memory()
            continue
        keep([suite for suite, _ in found])
        written += found
        done += len(together)
        give_back_memory()
        report(done, len(prompts))
    return Written([suite for suite, _ in written], [seconds for _, seconds in written], time.monotonic() - started)


def append_suites(path: Path, suites: Sequence[GeneratedSuite]) -> None:
    """Add whole lines to a suites.jsonl."""
    with path.open("a", encoding="utf-8") as file:
        file.write("".join(json.dumps(asdict(suite)) + "\n" for suite in suites))


def _written(writer: Writer, prompts: Sequence[Prompt], spec: GenerateSpec, rows: int) -> Timed:
    """All suites of a few functions, function by function."""
    each = max(1, rows // len(prompts))
    found: list[Timed] = [[] for _ in prompts]
    for first in range(0, spec.samples, each):
        numbers = range(first, min(first + each, spec.samples))
        seeds = [[row_seed(one.record, number) if number else None for number in numbers] for one in prompts]
        answers = writer.engine.write([one.ids for one in prompts], seeds, decoding(spec))
        for own, one, rows_ in zip(found, prompts, answers, strict=True):
            own += [(suite_of_row(writer.tokenizer, one.record, row.ids, whole_tests=False), row.seconds) for row in rows_]
    return [one for own in found for one in own]
