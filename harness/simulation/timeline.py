"""Virtual time, and what happened when: the file that a simulated sweep's clock and its report are read from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Moment:
    """The end of one segment.

    Attributes:
        at: Virtual seconds since the study began.
        trial: Its number.
        rung: The rung it led to.
        ending: `harness.core.outcome.Ending`, in words.
        last: Whether the rung was the full one.
        values: Objective values; None where there are none.
        train_steps: Optimizer steps that were done.
    """

    at: float
    trial: int
    rung: int
    ending: str
    last: bool
    values: tuple[float, ...] | None
    train_steps: int


class Timeline:
    """A clock that stands until it is told what happened.

    Args:
        file: One line of JSON a moment; None keeps nothing. One process writes it. A half-written last line is cut off.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._now = 0.0
        if file is not None:
            found = read_moments(file)
            self._now = found[-1].at if found else 0.0

    def now(self) -> float:
        """Virtual seconds since the study began."""
        return self._now

    def happened(self, moment: Moment) -> None:
        """Let time pass until a moment, and write it down; time never goes back."""
        self._now = max(self._now, moment.at)
        if self._file is not None:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with self._file.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(moment)) + "\n")


def read_moments(file: Path) -> Sequence[Moment]:
    """All that happened, in order; nothing where there is no file. What a crash left half-written is removed from it."""
    if not file.exists():
        return ()
    text = file.read_text("utf-8")
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        file.write_text(whole, "utf-8")
    return tuple(_moment(json.loads(line)) for line in whole.splitlines())


def _moment(read: dict[str, Any]) -> Moment:
    values = read["values"]
    return Moment(**{**read, "values": None if values is None else tuple(values)})
