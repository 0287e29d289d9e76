"""The rule before launch: does the estimated peak fit the budget? No clock, no I/O.

Owns `Budget`, how a budget is written in a sweep file, `admit`, and the values of a decision. The estimate comes from
`harness.core.memory`, the free memory from a probe of `harness.guard`; how a trial is made smaller is `harness.core.ladder`'s.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness.core.memory import MemoryEstimate
from harness.core.workload import Workload

_GIB = 1 << 30
_UNITS = {
    "b": 1,
    "kib": 1 << 10,
    "mib": 1 << 20,
    "gib": 1 << 30,
    "tib": 1 << 40,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "tb": 10**12,
}
_WRITTEN = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]+)\s*")
_ALLOWED = "allowed are a size such as '3.5GiB' or '900MiB', or a share of the free memory such as 0.9"


@dataclass(frozen=True, slots=True)
class Budget:
    """The most one trial may take.

    Attributes:
        bytes: The ceiling, above 0.
        of_total_bytes: Size of the device it is a part of.
        source: Where the number comes from, for messages, e.g. ``0.9 of the 3.1 GiB free``.

    Raises:
        ValueError: if `bytes` is not above 0.
    """

    bytes: int
    of_total_bytes: int
    source: str

    def __post_init__(self) -> None:
        if self.bytes <= 0:
            msg = f"a memory budget must be above 0 bytes, not {self.bytes} ({self.source})"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True)
class Admit:
    """The trial may start.

    Attributes:
        headroom_bytes: Budget minus estimate; at least 0.
        constraint: peak / budget - 1; at most 0.
    """

    headroom_bytes: int
    constraint: float


@dataclass(frozen=True, slots=True)
class Reject:
    """The trial would not fit and is not started.

    Attributes:
        reason: One line for a person, with the largest terms.
        constraint: peak / budget - 1; above 0. What the sampler is told.
    """

    reason: str
    constraint: float


@dataclass(frozen=True, slots=True)
class Step:
    """One setting that was changed to make a trial fit.

    Attributes:
        name: The setting, a field of `TrialParams` or `Workload`.
        was: Its value as proposed, as a sweep file writes it.
        now: Its effective value.
    """

    name: str
    was: str
    now: str

    def __str__(self) -> str:
        """E.g. ``per_device_train_batch_size 4 -> 2``."""
        return f"{self.name} {self.was} -> {self.now}"


@dataclass(frozen=True, slots=True)
class Adapt:
    """The trial may start with other settings than proposed; the effective batch is the proposed one.

    Attributes:
        workload: What is to be run.
        steps: What differs from the proposal; empty where it fits as proposed.
        headroom_bytes: As in `Admit`, of `workload`.
        constraint: As in `Admit`, of `workload`.
    """

    workload: Workload
    steps: tuple[Step, ...]
    headroom_bytes: int
    constraint: float


def admit(estimate: MemoryEstimate, budget: Budget) -> Admit | Reject:
    """Judge an estimate; exactly the budget is admitted."""
    constraint = estimate.total_bytes / budget.bytes - 1
    if estimate.total_bytes <= budget.bytes:
        return Admit(budget.bytes - estimate.total_bytes, constraint)
    largest = ", ".join(f"{name} {size / _GIB:.2f}" for name, size in estimate.largest(3))
    by = " by the tracer" if estimate.source == "tracer" else ""
    reason = (
        f"needs about {estimate.total_bytes / _GIB:.2f} GiB{by} (mostly {largest}),"
        f" budget {budget.bytes / _GIB:.2f} GiB ({budget.source})"
    )
    return Reject(reason, constraint)


def parse_budget(text_or_share: str | float, free_bytes: int) -> int:
    """Read a budget as a sweep file writes it.

    Args:
        text_or_share: ``"3.5GiB"``, ``"900MiB"``, ``"4GB"`` (decimal), or a share 0 < x <= 1 of what is free.
        free_bytes: What is free on the device now.

    Returns:
        The budget in bytes. A size above what is free is returned as written: see `make_budget`.

    Raises:
        ValueError: if it is neither, with what is allowed.
    """
    if not isinstance(text_or_share, str):
        if isinstance(text_or_share, bool) or not 0 < text_or_share <= 1:
            msg = f"memory budget {text_or_share!r} is no share; {_ALLOWED}"
            raise ValueError(msg)
        return int(text_or_share * free_bytes)
    read = _WRITTEN.fullmatch(text_or_share)
    if read is None or read[2].lower() not in _UNITS or float(read[1]) <= 0:
        msg = f"memory budget {text_or_share!r} cannot be read; {_ALLOWED}"
        raise ValueError(msg)
    return int(float(read[1]) * _UNITS[read[2].lower()])


def make_budget(text_or_share: str | float, free_bytes: int, total_bytes: int) -> Budget:
    """The budget on a device as it is now; what is free caps a size that asks for more.

    Args:
        text_or_share: See `parse_budget`.
        free_bytes: What is free on the device now.
        total_bytes: Size of the device.

    Raises:
        ValueError: if the text cannot be read, or nothing is free.
    """
    asked = parse_budget(text_or_share, free_bytes)
    free = f"{free_bytes / _GIB:.2f} GiB free"
    if asked > free_bytes:
        return Budget(free_bytes, total_bytes, f"{text_or_share} asked, {free}")
    source = f"{text_or_share} asked, {free}" if isinstance(text_or_share, str) else f"{text_or_share:g} of the {free}"
    return Budget(asked, total_bytes, source)
