"""The watchdog's rules over simulated looks at seeded curves: no clock, no process.

Looks come at 50 Hz with a random phase. Each is late by a half-normal 1 ms, and one in 50 by 8 ms more on average, 15 ms at
most: what a busy machine does to a loop.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from guard_curves import WATCHABLE_SECONDS, Curve, harmful, harmless, squeeze

from harness.core.admission import Budget
from harness.core.watchdog import KILL_SECONDS, Kill, Look, Watched, decide, step

PERIOD = 0.02
LATEST = 0.015
AFTER_SECONDS = 0.3


def looks(draw: random.Random, end_s: float) -> Iterator[float]:
    """Seconds at which a loop at 50 Hz looks."""
    due = draw.uniform(0, PERIOD)
    while due < end_s:
        late = abs(draw.gauss(0, 0.001)) + (draw.expovariate(1 / 0.008) if draw.random() < 0.02 else 0.0)
        seconds = due + min(late, LATEST)
        yield seconds
        due = max(due + PERIOD, seconds)


def decided(curve: Curve, draw: random.Random) -> tuple[float, Kill] | None:
    """The first decision to kill and its time, by all rules."""
    watched, budget = Watched(), Budget(curve.budget_bytes, curve.total_bytes, "benchmark")
    for seconds in looks(draw, curve.end_s + AFTER_SECONDS):
        watched, decision = step(watched, Look(seconds, curve.sample(seconds)), budget)
        if isinstance(decision, Kill):
            return seconds, decision
    return None


def decided_by_level(curve: Curve, draw: random.Random) -> tuple[float, Kill] | None:
    """The same by the level alone."""
    budget = Budget(curve.budget_bytes, curve.total_bytes, "benchmark")
    for seconds in looks(draw, curve.end_s + AFTER_SECONDS):
        decision = decide(curve.sample(seconds), budget)
        if isinstance(decision, Kill):
            return seconds, decision
    return None


def watchable(draw: random.Random, count: int) -> tuple[list[Curve], int]:
    """Harmful curves that cross their budget 60 ms before the device is full, and how many steeper ones were drawn beside."""
    curves: list[Curve] = []
    steeper = 0
    while len(curves) < count:
        curve = harmful(draw)
        crossing, full = curve.crossing_s(), curve.full_s()
        if crossing is None or full is None:
            raise RuntimeError(curve.kind)
        if full - crossing >= WATCHABLE_SECONDS:
            curves.append(curve)
        else:
            steeper += 1
    return curves, steeper


def play(seed: int, count: int) -> dict[str, float]:
    """Every figure of the simulated part; `count` curves of each sort."""
    draw = random.Random(seed)
    kills = [kill for _ in range(count) if (kill := decided(harmless(draw), draw)) is not None]
    curves, steeper = watchable(draw, count)
    ends = [(curve, decided(curve, draw)) for curve in curves]
    missed = sum(end is None or end[0] >= (curve.full_s() or 0.0) for curve, end in ends)
    delays = sorted(1000 * (end[0] - (curve.crossing_s() or 0.0)) for curve, end in ends if end is not None)
    squeezes = [squeeze(draw) for _ in range(count)]
    return {
        "harmless": count,
        "false_kills": len(kills),
        "harmful": count,
        "missed": missed,
        "unwatchable": steeper,
        "simulated_detection_ms_p99": round(delays[int(0.99 * len(delays))], 1),
        "squeezes": count,
        "squeezes_in_time": _in_time(squeezes, decided, draw),
        "squeezes_in_time_by_level": _in_time(squeezes, decided_by_level, draw),
    }


def _in_time(curves: list[Curve], judge: Callable[[Curve, random.Random], tuple[float, Kill] | None], draw: random.Random) -> int:
    """Squeezes that were decided early enough for the kill to be over before the device is full."""
    ends = [(curve.full_s() or 0.0, judge(curve, draw)) for curve in curves]
    return sum(end is not None and end[0] + KILL_SECONDS <= full for full, end in ends)
