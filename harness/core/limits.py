"""What a choice must not fall short of: ``mutation_score >= 0.5``, ``generate_latency_p95_s < 10``, ``peak_bytes < 4GiB``. Pure.

Owns the wording of a limit and whether measured metrics keep it. What follows from that is the caller's.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from harness.core.metrics import OBJECTIVE_METRICS

SHORT_NAMES = {"latency_p50_s": "generate_latency_p50_s", "latency_p95_s": "generate_latency_p95_s", "peak_memory": "peak_bytes"}
"""What people write -> the metric they mean."""

_HOLDS: Mapping[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
_UNITS = {"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
_PATTERN = re.compile(r"\s*(\w+)\s*(>=|<=|>|<)\s*([+-]?\d*\.?\d+(?:[eE][+-]?\d+)?)\s*([KMGT]iB)?\s*")


@dataclass(frozen=True, slots=True)
class Limit:
    """A bound on one metric.

    Attributes:
        metric: One of `OBJECTIVE_METRICS`.
        sign: ``>=``, ``<=``, ``>`` or ``<``.
        bound: In the metric's unit: fractions 0-1, seconds, bytes.
        text: As it was written.
    """

    metric: str
    sign: str
    bound: float
    text: str

    @classmethod
    def parse(cls, text: str) -> Limit:
        """Read ``NAME SIGN NUMBER``, the number with a unit of size where it is one of bytes.

        Raises:
            ValueError: if it has another form, or names no metric.
        """
        found = _PATTERN.fullmatch(text)
        if found is None:
            raise ValueError(f"{text!r} is no limit; write NAME >= NUMBER, such as mutation_score >= 0.5 or peak_memory < 4GiB")
        written, sign, number, unit = found.groups()
        name = SHORT_NAMES.get(written, written)
        if name not in OBJECTIVE_METRICS:
            raise ValueError(f"{text!r}: no such metric; allowed: {', '.join((*SHORT_NAMES, *OBJECTIVE_METRICS))}")
        return cls(name, sign, float(number) * _UNITS[unit or ""], " ".join(text.split()))

    def kept(self, metrics: Mapping[str, float]) -> bool | None:
        """Whether the metric keeps the bound; None where it was not measured."""
        value = metrics.get(self.metric, math.nan)
        return None if math.isnan(value) else _HOLDS[self.sign](value, self.bound)
