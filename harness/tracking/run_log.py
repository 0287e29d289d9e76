"""A training as a table and as lines to read, from the events that its process streamed. Pure.

Owns which of the events count: what a trial did again after a crash stands once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from harness.trial.events import Event

_NAMES: Final[Mapping[str, str]] = {"loss": "train_loss"}
COLUMNS: Final = ("step", "epoch", "seconds", "train_loss", "eval_loss", "learning_rate", "grad_norm", "tokens_per_s")
"""Those that every table has, in this order; memory in bytes follows, as the device gives it."""
_GIB = 1 << 30


def kept_events(events: Iterable[Event]) -> list[Event]:
    """The events of a training without the steps that it went back behind.

    The first ``train`` event of a process has no metrics and says where that process goes on: what an earlier one had done
    beyond that was lost with it, and is done again.
    """
    kept: list[Event] = []
    for event in events:
        if event.phase == "train" and not event.metrics:
            kept = [old for old in kept if old.phase not in ("train", "eval", "save") or old.step <= event.step]
        kept.append(event)
    return kept


def metric_rows(events: Sequence[Event]) -> list[dict[str, Any]]:
    """One row for each step that was logged, what was measured at the same step in one row.

    Args:
        events: As `kept_events` gives them.

    Returns:
        Rows with `COLUMNS` (absent is None) and ``*_bytes``; ``seconds`` count from the first event.
    """
    rows: dict[int, dict[str, Any]] = {}
    began = events[0].time if events else 0.0
    for event in events:
        if event.phase in ("train", "eval") and event.metrics:
            row = rows.setdefault(event.step, {**dict.fromkeys(COLUMNS), "step": event.step})
            row["seconds"] = round(event.time - began, 2)
            row.update({_NAMES.get(name, name): value for name, value in event.metrics.items()})
    return [rows[step] for step in sorted(rows)]


def log_lines(events: Iterable[Event]) -> list[str]:
    """Every event as a line: when (UTC), what, how far, and what was measured."""
    return [_line(event) for event in events]


def _line(event: Event) -> str:
    when = datetime.fromtimestamp(event.time, UTC).strftime("%Y-%m-%d %H:%M:%S")
    counted = "suites" if event.phase == "generate" else "step"
    place = f"{counted} {event.step}/{event.total_steps}" if event.total_steps else ""
    if event.phase == "train" and not event.metrics:
        place += ", begins" if not event.step else ", goes on"
    said = "  ".join(_said(name, value) for name, value in event.metrics.items())
    return f"{when}  {event.phase:<8}  {place:<16}  {said}".rstrip()


def _said(name: str, value: float) -> str:
    if name.endswith("_bytes"):
        return f"{name.removesuffix('_bytes')} {value / _GIB:.2f} GiB"
    if name == "learning_rate":
        return f"lr {value:.2e}"
    return f"{name} {value:.0f}" if name == "tokens_per_s" else f"{name} {value:.4g}"
