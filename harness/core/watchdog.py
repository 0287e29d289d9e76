"""The rules that end a running trial: what was seen, against what it may take. No clock, no I/O: time comes in.

Owns `decide` (one sample, by its level), the fold `step` (level, slope and spill over a trial's life) and `reconsider` (once
the driver told whose memory it is). The values are `harness.core.sample`'s, a device that cannot be read is
`harness.core.sight`'s; taking samples and killing belong to `harness.guard`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from statistics import median

from harness.core.admission import Budget
from harness.core.sample import Blame, Keep, Kill, Look, MemorySample, Rule, exhaustion_floor
from harness.core.trend import trend

__all__ = [
    "Blame",
    "Keep",
    "Kill",
    "Look",
    "MemorySample",
    "Rule",
    "Watched",
    "decide",
    "exhaustion_floor",
    "reconsider",
    "step",
]

_MIB = 1 << 20
_GIB = 1 << 30
KILL_SECONDS = 0.1
"""From the decision until nothing of a trial can allocate any more; see benchmarks/guard.py, `tree_gone_ms_p99`."""
LOOKS = 10
"""Looks that a slope is taken over: 0.2 s at 50 Hz."""
CLEAR_RATIO = 8.0
"""A slope counts when the window rises by this many times its scatter. A step reaches 2.6, a flank of half the window 4.5."""
EDGE_FLOORS = 4
"""A device stands at its edge when less than this many exhaustion floors are free."""
COLLAPSE_DIVISOR = 5
SLOW_READINGS = 3
STEADY_READINGS = 5
_PACES_KEPT = 101
OWN_SHARE = 0.9
"""A trial that spills while it takes this share of its budget spills by its own doing."""
_BARELY = 1e-6
OTHERS_BYTES = 64 * _MIB
OTHERS_DIVISOR = 50


@dataclass(frozen=True, slots=True)
class Watched:
    """What the fold remembers of a trial.

    Attributes:
        looks: The last `LOOKS`.
        paces: Different readings of the pace, slow ones at the edge left out.
        slow: Readings in a row that were slow while the device stood at its edge.
    """

    looks: tuple[Look, ...] = ()
    paces: tuple[float, ...] = ()
    slow: int = 0

    def after(self, look: Look) -> Watched:
        """The same with one more look."""
        looks = (*self.looks[1 - LOOKS :], look)
        before = self.looks[-1].pace if self.looks else None
        if look.pace is None or look.pace == before:  # a pace stands until the trial reports the next one
            return Watched(looks, self.paces, self.slow)
        slow = len(self.paces) >= STEADY_READINGS and look.pace < median(self.paces) / COLLAPSE_DIVISOR
        if slow and _at_edge(look.sample):
            return Watched(looks, self.paces, self.slow + 1)
        return Watched(looks, (*self.paces[1 - _PACES_KEPT :], look.pace))


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
        return Kill(reason, sample.used_bytes, constraint, Blame.NEIGHBOUR, Rule.FULL)
    return Keep(budget.bytes - sample.used_bytes)


def step(watched: Watched, look: Look, budget: Budget) -> tuple[Watched, Keep | Kill]:
    """Take in one look and judge everything seen so far.

    Args:
        watched: What was remembered; `Watched()` at the start.
        look: The newest.
        budget: What the trial may take.

    Returns:
        What to remember, and the decision.
    """
    watched = watched.after(look)
    level = decide(look.sample, budget)
    if isinstance(level, Kill):
        return watched, level
    return watched, _slope(watched.looks, budget) or _spill(watched, budget) or level


def reconsider(sample: MemorySample, own_bytes: int, budget: Budget) -> Keep | Kill:
    """Judge a sample above its budget again, now that the driver told what the trial's own processes take.

    Free memory that fell by more than the trial took was taken by a neighbour; while the device has room that ends nothing.

    Args:
        sample: By the fall of free memory since the launch.
        own_bytes: What the driver lists for the trial's processes, contexts included.
        budget: What the trial may take.
    """
    others = sample.used_bytes - own_bytes
    if others < max(OTHERS_BYTES, sample.used_bytes // OTHERS_DIVISOR):
        return decide(sample, budget)  # the driver's own share of a context is listed for nobody
    return decide(replace(sample, used_bytes=own_bytes), budget)


def _slope(looks: tuple[Look, ...], budget: Budget) -> Kill | None:
    """Whether the device runs full before the next look and the kill's own time are over.

    The trial itself counts with the rest of its budget at most: until it crosses that it is within its rights, and a steep
    rise that stops just below the budget looks the same until it stops.
    """
    last = looks[-1].sample
    room = last.free_bytes - exhaustion_floor(last.total_bytes)
    fallen = looks[0].sample.free_bytes - last.free_bytes
    if len(looks) < LOOKS or fallen * LOOKS < room:  # cheap, and true of nearly every look
        return None
    seconds = [look.seconds for look in looks]
    horizon = (seconds[-1] - seconds[0]) / (LOOKS - 1) + KILL_SECONDS
    own = _clear_slope(seconds, [look.sample.used_bytes for look in looks])
    others = _clear_slope(seconds, [-look.sample.used_bytes - look.sample.free_bytes for look in looks])
    slope = own + others
    taken = min(own * horizon, budget.bytes - last.used_bytes) + others * horizon
    if slope <= 0 or taken < room or _slackens(looks, slope):
        return None
    reason = (
        f"{last.free_bytes / _GIB:.2f} GiB are free and fall by {slope / _GIB:.1f} GiB/s: the device would be full"
        f" in {1000 * room / slope:.0f} ms although the trial keeps to its budget"
        f" ({last.used_bytes / _GIB:.2f} of {budget.bytes / _GIB:.2f} GiB)"
    )
    return Kill(reason, last.used_bytes, last.used_bytes / budget.bytes - 1, Blame.NEIGHBOUR, Rule.SLOPE)


def _clear_slope(seconds: list[float], values: list[int]) -> float:
    """Bytes a second of a rise that stands out of its scatter; else 0."""
    line = trend(seconds, values)
    return line.slope if line.clear(CLEAR_RATIO) else 0.0


def _slackens(looks: tuple[Look, ...], slope: float) -> bool:
    """Whether the newest look fell by less than half of what the slope says: a spike at its top."""
    before, last = looks[-2:]
    fallen = before.sample.free_bytes - last.sample.free_bytes
    return 2 * fallen < slope * (last.seconds - before.seconds)


def _spill(watched: Watched, budget: Budget) -> Kill | None:
    """Whether the driver moves memory to the host instead of failing, as under WSL2 and Windows: then training crawls."""
    look = watched.looks[-1]
    if watched.slow < SLOW_READINGS or look.pace is None or not _at_edge(look.sample):
        return None
    used = look.sample.used_bytes
    own = used >= OWN_SHARE * budget.bytes
    reason = (
        f"memory spills to the host: {look.pace:.0f} tokens/s against {median(watched.paces):.0f} before,"
        f" with {look.sample.free_bytes / _GIB:.2f} GiB free and {used / _GIB:.2f} of {budget.bytes / _GIB:.2f} GiB taken"
    )
    constraint = used / budget.bytes - 1
    # What spilled is counted nowhere, so the observed figure is below the budget: the sampler has to hear of it all the same.
    return Kill(reason, used, max(constraint, _BARELY) if own else constraint, Blame.OWN if own else Blame.NEIGHBOUR, Rule.SPILL)


def _at_edge(sample: MemorySample) -> bool:
    return sample.free_bytes < EDGE_FLOORS * exhaustion_floor(sample.total_bytes)
