"""What a watchdog sees and what it decides. Values: no clock, no I/O.

Owns `MemorySample` (what any probe reports), `Look`, `Keep`, `Kill` and when a device counts as full. The rules are
`harness.core.watchdog`'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

EXHAUSTION_BYTES = 256 << 20
EXHAUSTION_DIVISOR = 64


class Rule(StrEnum):
    """Which rule ended a trial."""

    LEVEL = "level"  # above its budget
    FULL = "full"  # the device ran full
    SLOPE = "slope"  # the device is about to run full
    SPILL = "spill"  # the driver moved memory to the host, and training crawls


class Blame(StrEnum):
    """Whose doing it is: a neighbour's is not told to the sampler."""

    OWN = "own"
    NEIGHBOUR = "neighbour"


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
        constraint: observed / budget - 1, above 0 exactly when `blame` is the trial's own.
        blame: Whose doing it is.
        rule: Which rule decided.
    """

    reason: str
    observed_bytes: int
    constraint: float
    blame: Blame = Blame.OWN
    rule: Rule = Rule.LEVEL


@dataclass(frozen=True, slots=True)
class Look:
    """What the fold takes in.

    Attributes:
        seconds: When, on a clock that never goes back; later than the look before.
        sample: The memory.
        pace: The latest tokens a second that the trial reported; None before the first.
    """

    seconds: float
    sample: MemorySample
    pace: float | None = None


def exhaustion_floor(total_bytes: int) -> int:
    """Free bytes below which a device counts as full: 1/64 of it, at most 256 MiB (64 MiB on a 4 GiB card)."""
    return min(EXHAUSTION_BYTES, total_bytes // EXHAUSTION_DIVISOR)
