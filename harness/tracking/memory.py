"""What is kept about the memory of one trial: the prediction, what was observed, and why it ended if memory ended it.

Owns the record and its forms as JSON, as a table and as metrics. The picture is `memory_plot`'s, the files `artifacts`'.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from harness.core.curve import CurvePoint
from harness.core.memory import MemoryEstimate

SCHEMA_VERSION = 1
_GIB = 1 << 30
_WORD = re.compile(r"[a-z][a-z0-9]*")


@dataclass(frozen=True, slots=True)
class MemoryRecord:
    """The memory of one trial, before and while it ran.

    Attributes:
        reason: Why it was refused or killed, or how it ended, in one sentence.
        budget_bytes: The most it was allowed to take.
        device: Name for people.
        estimate: The prediction; None for an architecture that nothing could predict.
        corrected_bytes: The prediction after what earlier trials taught; None where nothing was learned yet.
        correction: What the correction rests on, in words; may be empty.
        steps: What admission changed so that it fits, in words.
        curve: What was observed, oldest first; empty when it was refused before launch.
        phases: (seconds since the start, name) of every beginning phase: load, train, eval, save, generate.
        killed_at_s: Seconds from the start to the decision to kill; None when nobody killed it.
        blind: Since when and why nothing was watched; None when all was seen.
        observed_peak_bytes: The most that was seen; None when nothing was.
    """

    reason: str
    budget_bytes: int
    device: str
    estimate: MemoryEstimate | None = None
    corrected_bytes: int | None = None
    correction: str = ""
    steps: tuple[str, ...] = ()
    curve: tuple[CurvePoint, ...] = ()
    phases: tuple[tuple[float, str], ...] = ()
    killed_at_s: float | None = None
    blind: str | None = None
    observed_peak_bytes: int | None = None

    @property
    def predicted_bytes(self) -> int | None:
        """What admission judged: the corrected prediction, else the plain one, else None."""
        if self.corrected_bytes is not None:
            return self.corrected_bytes
        return None if self.estimate is None else self.estimate.total_bytes

    @property
    def launched(self) -> bool:
        """Whether the trial process was started."""
        return bool(self.curve or self.phases) or self.killed_at_s is not None or self.observed_peak_bytes is not None


def as_metrics(record: MemoryRecord) -> dict[str, float]:
    """Scalars for MLflow; what is not known is absent.

    Returns:
        ``budget_bytes``, ``estimate_bytes``, ``estimate_corrected_bytes``, ``peak_bytes``, ``estimate_error`` and one
        ``estimate_TERM_bytes`` for each term. ``estimate_error`` is observed peak / prediction - 1, above 0 where too
        little was predicted. A killed trial was on its way up, so its error is known only to be at least that: it is
        given when above 0, left out otherwise.
    """
    known: dict[str, float | None] = {
        "budget_bytes": record.budget_bytes,
        "estimate_corrected_bytes": record.corrected_bytes,
        "peak_bytes": record.observed_peak_bytes,
        "estimate_error": _error(record),
    }
    if record.estimate is not None:
        known["estimate_bytes"] = record.estimate.total_bytes
        for term, size in record.estimate.terms:
            name = f"estimate_{_slug(term)}_bytes"
            known[name] = (known.get(name) or 0) + size
    return {name: float(value) for name, value in known.items() if value is not None}


def term_rows(record: MemoryRecord) -> list[dict[str, Any]]:
    """The table of the prediction: its terms, largest first, their total, and what it is to be compared with.

    Returns:
        Rows with ``term``, ``GiB`` and ``share`` (of the total); none without a prediction.
    """
    if record.estimate is None:
        return []
    total = record.estimate.total_bytes
    compared = (
        ("estimate (sum)", total),
        ("corrected estimate", record.corrected_bytes),
        ("budget", record.budget_bytes),
        ("observed peak", record.observed_peak_bytes),
    )
    rows = [*record.estimate.largest(len(record.estimate.terms)), *compared]
    return [
        {"term": name, "GiB": round(size / _GIB, 3), "share": round(size / total, 3) if total else None}
        for name, size in rows
        if size is not None
    ]


def as_json(record: MemoryRecord) -> str:
    """The whole record: one key a line, the curve by columns."""
    content = {
        "version": SCHEMA_VERSION,
        "reason": record.reason,
        "device": record.device,
        "budget_bytes": record.budget_bytes,
        "estimate": _estimate(record.estimate),
        "corrected_bytes": record.corrected_bytes,
        "correction": record.correction,
        "steps": record.steps,
        "observed_peak_bytes": record.observed_peak_bytes,
        "killed_at_s": record.killed_at_s,
        "blind": record.blind,
        "phases": [{"seconds": seconds, "phase": name} for seconds, name in record.phases],
        "curve": {name: [getattr(point, name) for point in record.curve] for name in ("seconds", "used_bytes", "free_bytes")},
    }
    return "{\n" + ",\n".join(f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in content.items()) + "\n}\n"


def _estimate(estimate: MemoryEstimate | None) -> dict[str, Any] | None:
    if estimate is None:
        return None
    terms = [{"term": name, "bytes": size} for name, size in estimate.terms]
    return {"total_bytes": estimate.total_bytes, "phase": estimate.phase, "source": estimate.source, "terms": terms}


def _error(record: MemoryRecord) -> float | None:
    if not record.predicted_bytes or record.observed_peak_bytes is None:
        return None
    error = record.observed_peak_bytes / record.predicted_bytes - 1
    return error if record.killed_at_s is None or error > 0 else None


def _slug(term: str) -> str:
    """``learned from 12 peaks`` -> ``learned_from_peaks``: one metric for all trials, whatever the count."""
    return "_".join(_WORD.findall(term.lower())) or "unnamed"
