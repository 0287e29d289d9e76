"""`--json`: one JSON object per line for each event, for machines.

Every object carries ``schema`` (raised when a field changes its meaning or goes away), ``event`` and ``time``
(seconds since the epoch). Fields are those of the records in `harness.console.view`; a number that is not finite is null.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Mapping
from typing import Any, TextIO

from harness.console.thinning import Thinning
from harness.console.view import SweepHeader, SweepSummary, SweepView, TrialEnd, TrialLine, TrialPaused, TrialProgress

SCHEMA_VERSION = 1
_MOST_SECONDS = 10.0


class JsonView(SweepView):
    """Writes JSON lines.

    Args:
        stream: Where to.
        now: Seconds since the epoch.
        only_summary: Write the end of the sweep and nothing else (`--json --quiet`).
    """

    def __init__(self, stream: TextIO, now: Callable[[], float], *, only_summary: bool = False) -> None:
        self._stream = stream
        self._now = now
        self._only_summary = only_summary
        self._thinning = Thinning(_MOST_SECONDS)

    def sweep_started(self, header: SweepHeader) -> None:
        """``sweep_started``."""
        self._write("sweep_started", as_json(header))

    def message(self, text: str) -> None:
        """``message`` with the field ``text``."""
        self._write("message", {"text": text})

    def trial_started(self, trial: TrialLine) -> None:
        """``trial_started``."""
        self._write("trial_started", as_json(trial))

    def trial_progress(self, progress: TrialProgress) -> None:
        """``trial_progress``: whenever phase or step changes, and every 10 s otherwise."""
        if self._thinning.lets(progress.label, (progress.phase, progress.step), self._now()):
            self._write("trial_progress", as_json(progress))

    def trial_paused(self, paused: TrialPaused) -> None:
        """``trial_paused``; ``rung`` counts from 0."""
        self._thinning.forget(paused.label)
        self._write("trial_paused", as_json(paused))

    def trial_ended(self, end: TrialEnd) -> None:
        """``trial_ended``."""
        self._thinning.forget(end.label)
        self._write("trial_ended", as_json(end))

    def sweep_ended(self, summary: SweepSummary) -> None:
        """``sweep_ended``."""
        self._write("sweep_ended", as_json(summary))

    def close(self) -> None:
        """Nothing is held."""

    def _write(self, event: str, fields: Mapping[str, Any]) -> None:
        if self._only_summary and event != "sweep_ended":
            return
        line = {"schema": SCHEMA_VERSION, "event": event, "time": self._now(), **fields}
        self._stream.write(json.dumps(line, allow_nan=False) + "\n")
        self._stream.flush()


def as_json(value: Any) -> Any:
    """A record, or anything inside one, as JSON knows it; not finite numbers become None, unknown types their text."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: as_json(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): as_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [as_json(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, int | str | None) else str(value)
