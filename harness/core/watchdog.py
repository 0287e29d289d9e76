"""The rule that ends a running trial: what was seen, against what it may take. No clock, no I/O.

Owns `MemorySample` (what any probe reports) and `decide`. Taking samples and killing belong to `harness.guard`.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.core.admission import Budget

_MIB = 1 << 20
_GIB = 1 << 30
EXHAUSTION_BYTES = 256 * _MIB
EXHAUSTION_DIVISOR = 64


@dataclass(frozen=True, slots=True)
class MemorySample:
    """One look at a device, in bytes.

    Attributes:
        used_bytes: What the watched trial takes: the resident memory of its process tree (host), or the free memory
            at the baseline minus the free memory now (GPU); never negative.
        free_bytes: What anyone could still take on the device.
        total_bytes: Size of the device.
    """

    used_bytes: int
    free_bytes: int
    total_bytes: int


@dataclass(frozen=True, slots=True)
class Keep:
    """The trial may go on.

    Attributes:
        headroom_bytes: Budget minus what it takes now; at least 0.
    """

    headroom_bytes: int


@dataclass(frozen=True, slots=True)
class Kill:
    """The trial has to end now.

    Attributes:
        reason: One line for a person.
        observed_bytes: What the trial took when that was decided.
        constraint: observed / budget - 1. At most 0 when the device ran full though the trial kept to its budget:
            the configuration is not to blame, a neighbour is.
    """

    reason: str
    observed_bytes: int
    constraint: float


def exhaustion_floor(total_bytes: int) -> int:
    """Free bytes below which a device counts as full: 1/64 of it, at most 256 MiB (64 MiB on a 4 GiB card)."""
    return min(EXHAUSTION_BYTES, total_bytes // EXHAUSTION_DIVISOR)


def decide(sample: MemorySample, budget: Budget) -> Keep | Kill:
    """Judge one sample by its level.

    The budget is a ceiling, not a target: exactly the budget is kept. A full device ends the trial too, because the
    next allocation fails (or wakes the kernel's OOM killer, which picks its own victim) at a moment nobody chose.
    """
    constraint = sample.used_bytes / budget.bytes - 1
    if sample.used_bytes > budget.bytes:
        reason = f"takes {sample.used_bytes / _GIB:.2f} GiB, budget {budget.bytes / _GIB:.2f} GiB ({budget.source})"
        return Kill(reason, sample.used_bytes, constraint)
    if sample.free_bytes < exhaustion_floor(sample.total_bytes):
        reason = (
            f"only {sample.free_bytes / _GIB:.2f} GiB are free although the trial keeps to its budget"
            f" ({sample.used_bytes / _GIB:.2f} of {budget.bytes / _GIB:.2f} GiB): another process took the rest"
        )
        return Kill(reason, sample.used_bytes, constraint)
    return Keep(budget.bytes - sample.used_bytes)
