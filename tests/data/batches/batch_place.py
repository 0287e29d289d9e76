"""A folder of batches to read, with functions that are no near copies of each other."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.core.records import Record
from harness.data.batches.holdout import HoldoutAsk, prepare_holdout
from harness.data.batches.scan import scan_batches
from harness.data.batches.step_data import StepAsk, StepData, prepare_step
from harness.data.prepared.prepare import PrepareAsk, PreparedData
from harness.data.sources.rows import SourceOptions
from harness.files.record_files import write_records

SHARES = {"train": 0.4, "validation": 0.2, "selection": 0.2, "test": 0.2}
THRESHOLD = 0.9
BODIES = (
    "return sum(range({n})) + x",
    "return [x] * {n}",
    "total = 0\n    for i in range(x):\n        total += i * {n}\n    return total",
    "return {{'x': x, 'n': {n}}}",
    "while x > {n}:\n        x -= {n} + 1\n    return x",
    "return str(x) + '{n}' if x else ''",
    "try:\n        return {n} // x\n    except ZeroDivisionError:\n        return None",
    "return max(x, {n}) - min(x, {n} - 7)",
    "return tuple(i for i in range(x) if i % {n})",
    "import math\n    return math.floor(x / {n}) ** 2",
)


def record(n: int, **changed: Any) -> Record:
    lines = "".join(f"    a{k} = x {'+-*'[k % 3]} {k + n}\n    print(a{k}, {n * k})\n" for k in range(n // len(BODIES)))
    source = f"def f_{n}(x):\n{lines}    {BODIES[n % len(BODIES)].format(n=n + 2)}\n"
    tests = (f"def test_0():\n    assert f_{n}(1) != {n!r}\n",)
    values: dict[str, Any] = {"id": f"r/{n}", "entry_point": f"f_{n}", "source": source, "oracle_tests": tests}
    return Record(**{**values, "oracle_suite": None, "origin": "made", "licence": "MIT", **changed})


def full_line(made: Record) -> str:
    return json.dumps(made.to_dict()) + "\n"


class BatchPlace:
    """An empty folder for batches, and a cache."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self.folder, self.cache = folder / "batches", cache
        self.folder.mkdir(exist_ok=True)

    def write(self, name: str, records: Sequence[Record]) -> Path:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        if path.suffix == ".parquet":
            write_records(path, records)
        else:
            path.write_text("".join(map(full_line, records)), "utf-8")
        return path

    def holdout(self, *sources: str, threshold: float = THRESHOLD, limits: dict[str, int | None] | None = None) -> PreparedData:
        ask = PrepareAsk((), SHARES, limits or {}, SourceOptions(), threshold)
        return prepare_holdout(HoldoutAsk(sources, scan_batches(self.folder)[0], ask), self.cache)

    def step(
        self, number: int | None = None, *, merge: bool = False, limit: int | None = None, held: PreparedData | None = None
    ) -> StepData:
        batches = scan_batches(self.folder)
        until = batches[: None if number is None else number + 1]
        ask = StepAsk(until, held or self.holdout(), THRESHOLD, limit, merge, SourceOptions())
        return prepare_step(ask, self.cache)
