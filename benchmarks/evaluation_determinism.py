"""Whether a report repeats to the bit: another process, other workers, a loaded machine. Owns the fields ``identical_*``."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from benchmarks import evaluation_data as data
from benchmarks.evaluation_bench import Bench, say
from benchmarks.evaluation_once import scored_apart

EACH = 30  # functions per data set
MUTANTS = 15
BURN = "while True: pass"


def determinism(bench: Bench) -> dict[str, Any]:
    """Score the same functions four times, each in a process of its own, no result known before."""
    size = bench.size(EACH)
    pairs = [*data.drawn(data.humaneval(), size), *data.drawn(data.mbpp(), size)]
    first = scored_apart(bench, pairs, MUTANTS)
    say("  again")
    runs = {"runs": scored_apart(bench, pairs, MUTANTS)}
    say("  with one worker")
    runs["workers"] = scored_apart(bench, pairs, MUTANTS, workers=1)
    say("  under load")
    with _load():
        runs["under_load"] = scored_apart(bench, pairs, MUTANTS)
    return {
        "determinism_functions": len(pairs),
        **{f"identical_{name}": report == first for name, report in runs.items()},
        "determinism_differences": {name: _differences(first, report) for name, report in runs.items() if report != first},
    }


@contextlib.contextmanager
def _load() -> Iterator[None]:
    """A busy process for every core."""
    busy = [subprocess.Popen([sys.executable, "-I", "-S", "-c", BURN]) for _ in os.sched_getaffinity(0)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def _differences(first: str, second: str) -> list[str]:
    """Functions whose scores differ, and the other parts of the report that do."""
    one, two = json.loads(first), json.loads(second)
    scores = zip(one.pop("scores"), two.pop("scores"), strict=True)
    return [a["function_id"] for a, b in scores if a != b] + [name for name in one if one[name] != two[name]]
