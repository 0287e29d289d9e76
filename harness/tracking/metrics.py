"""Metrics on their way to MLflow: named, checked, and sent in batches.

Owns the buffer between the events of a running trial and the store. One `log_batch` of 1000 metrics is about a
hundred times faster on SQLite than a thousand single writes.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping

from mlflow import MlflowClient
from mlflow.entities import Metric

from harness.core.metrics import EXECUTION_METRICS
from harness.trial.events import Event

MAX_BATCH = 1000  # MLflow's own limit
RUNG_PREFIX = "rung_"
"""Before the name of a figure that was measured below the full rung: it does not compare with that of a whole trial."""
_PLAIN_PHASES = ("train", "eval")
_ESTIMATES = ("estimate_bytes", "estimate_corrected_bytes")
_VARIANTS = ("_all", "_lenient", "_without_copied")
_DETAILS = ("_low", "_high", "_at_valid", "_of_ceiling")
_NOT_CHARTED = ("epoch",)  # a straight line over the steps; metrics.csv has it


class MetricBuffer:
    """Collects the metrics of running trials and writes them in batches.

    Args:
        client: Where they go.
        every: Seconds between two writes of one run, unless a batch is full.
        clock: Monotonic seconds.
    """

    def __init__(self, client: MlflowClient, *, every: float = 5.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._every = every
        self._clock = clock
        self._waiting: dict[str, list[Metric]] = {}
        self._written: dict[str, float] = {}
        self._refused: dict[str, set[str]] = {}

    def add(self, run_id: str, events: Iterable[Event]) -> None:
        """Take events in, and write if it is time to. Call it also without events, so that time is looked at."""
        waiting = self._waiting.setdefault(run_id, [])
        for event in events:
            waiting.extend(self._metrics(run_id, event))
        last = self._written.setdefault(run_id, self._clock())
        if len(waiting) >= MAX_BATCH or (waiting and self._clock() - last >= self._every):
            self.flush(run_id)

    def flush(self, run_id: str) -> None:
        """Write all that waits for `run_id`."""
        waiting = self._waiting.pop(run_id, [])
        for start in range(0, len(waiting), MAX_BATCH):
            self._client.log_batch(run_id, metrics=waiting[start : start + MAX_BATCH], synchronous=True)
        self._written[run_id] = self._clock()

    def close(self, run_id: str) -> list[str]:
        """Write all that waits, forget the run, and name the metrics that were left out as NaN or infinite."""
        self.flush(run_id)
        self._written.pop(run_id, None)
        return sorted(self._refused.pop(run_id, set()))

    def _metrics(self, run_id: str, event: Event) -> Iterable[Metric]:
        for name, value in event.metrics.items():
            if name in _NOT_CHARTED or event.phase == "load":  # one reading, which the UI would compare runs by first
                continue
            if math.isfinite(value):
                yield Metric(metric_name(event.phase, name), float(value), int(event.time * 1000), event.step)
            else:
                self._refused.setdefault(run_id, set()).add(name)


def metric_name(phase: str, name: str) -> str:
    """MLflow's name of an event's metric.

    Training and evaluation share one step axis and keep their plain names. Other phases count something else (suites
    written while generating), so their names carry the phase: ``generate/rss_bytes``.
    """
    return name if phase in _PLAIN_PHASES else f"{phase}/{name}"


def scalars(values: Mapping[str, float], timestamp: int, step: int = 0) -> list[Metric]:
    """Scalars as metrics; what is not finite is left out.

    Args:
        values: Name -> value.
        timestamp: Milliseconds since the epoch.
        step: Optimizer step; 0 for what is known of a whole run.
    """
    return [Metric(name, float(value), timestamp, step) for name, value in values.items() if math.isfinite(value)]


def charted(values: Mapping[str, float]) -> dict[str, float]:
    """The scalars that are worth a metric of MLflow, where each makes a row, a column and a chart of every run.

    Left out are the bounds, counts and shares of the variants of a figure, the count of every mean (`functions` says it), and
    the terms of the memory estimate: the tables ``figures`` and ``memory_terms`` among the run's artifacts have them.
    """
    return {name: value for name, value in values.items() if not _only_in_tables(name.removeprefix(RUNG_PREFIX))}


def _only_in_tables(name: str) -> bool:
    if name.startswith("estimate_") and name.endswith("_bytes"):
        return name not in _ESTIMATES
    base = name.removesuffix("_n")
    if base != name:
        return base in EXECUTION_METRICS or base.endswith(_VARIANTS)
    cut = next((name.removesuffix(end) for end in _DETAILS if name.endswith(end)), None)
    return cut is not None and cut.endswith(_VARIANTS)
