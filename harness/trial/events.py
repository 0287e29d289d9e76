"""events.jsonl: what a running trial streams, and how the parent follows it. Torch-free.

One JSON object a line: ``phase`` (load, train, eval, save, generate), ``step``, ``total_steps`` (both 0 outside
training; while generating: suites written / to write), ``time`` (seconds since the epoch) and ``metrics`` (name -> float:
loss, eval_loss, epoch, learning_rate, grad_norm, tokens_per_s, allocated_bytes, rss_bytes, ...). The first ``train`` of a
process has no metrics: the step after `step` begins.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self


@dataclass(frozen=True, slots=True)
class Event:
    """One line of events.jsonl."""

    phase: str
    step: int
    total_steps: int
    time: float
    metrics: Mapping[str, float] = field(default_factory=dict)


class EventWriter:
    """Appends events, one flushed line each."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8")

    def write(self, event: Event) -> None:
        """Append one event."""
        self._file.write(json.dumps(asdict(event)) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class EventReader:
    """Follows a file that may not exist yet, and whose last line may be half written."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0

    def new(self) -> Iterator[Event]:
        """Whole lines that were appended since the last call."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._offset)
            data = file.read()
        end = data.rfind(b"\n") + 1
        self._offset += end
        for line in data[:end].splitlines():
            yield Event(**json.loads(line))
