"""Memory curves for benchmarks/guard.py: harmless ones, harmful ones, and squeezes by a neighbour. Seeded, no clock.

Owns what a curve is and how one is drawn. A curve is a line through points, so that the pure rules and the scripted NVML
play the same one.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise

from harness.core.watchdog import MemorySample, exhaustion_floor

GIB = 1 << 30
DEVICES_GIB = (4, 6, 8, 12, 16, 24, 40, 80, 141)
WATCHABLE_SECONDS = 0.06
LONGEST_SECONDS = 3.0

Line = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Curve:
    """What happens on one device, from the launch on.

    Attributes:
        kind: How it was drawn.
        total_bytes: Size of the device.
        free_bytes: Free at the launch: the capacity of the trial.
        budget_bytes: What the trial may take.
        own: Memory of the trial, as (seconds, bytes).
        others: What a neighbour takes beyond what it had at the launch.
        on_gpu: Whether the trial's use is known by the fall of free memory alone; a neighbour stands still then.
    """

    kind: str
    total_bytes: int
    free_bytes: int
    budget_bytes: int
    own: Line
    others: Line = ((0.0, 0.0),)
    on_gpu: bool = True

    @property
    def end_s(self) -> float:
        """When the last thing happens."""
        return max(self.own[-1][0], self.others[-1][0])

    def sample(self, seconds: float) -> MemorySample:
        """What a probe would see."""
        own, others = at(self.own, seconds), at(self.others, seconds)
        free = max(0, int(self.free_bytes - own - others))
        return MemorySample(self.free_bytes - free if self.on_gpu else int(own), free, self.total_bytes)

    def crossing_s(self) -> float | None:
        """When the trial first goes above its budget."""
        return reaches(self.own, self.budget_bytes)

    def full_s(self) -> float | None:
        """When the device has nothing left; curves of a squeeze have one moving part."""
        left = self.free_bytes - at(self.own, 0.0) if len(self.others) > 1 else self.free_bytes
        return reaches(self.others if len(self.others) > 1 else self.own, left)


def at(line: Line, seconds: float) -> float:
    """The value of a line; its ends go on level."""
    index = bisect_right(line, (seconds, float("inf")))
    if index == 0:
        return line[0][1]
    if index == len(line):
        return line[-1][1]
    (before, low), (after, high) = line[index - 1], line[index]
    return low + (high - low) * (seconds - before) / (after - before)


def reaches(line: Line, level: float) -> float | None:
    """When a line first comes to a level from below."""
    for (before, low), (after, high) in pairwise(line):
        if high >= level > low:
            return before + (after - before) * (level - low) / (high - low)
    return None


def harmless(draw: random.Random) -> Curve:
    """Noise, spikes, steps, ramps and teeth that stay within the budget, up to 99.9 % of it; on a host a restless neighbour."""
    total, free, budget = _device(draw)
    kind = draw.choice(("noise", "spikes", "staircase", "ramp", "teeth"))
    top, base = budget * draw.uniform(0.8, 0.999), budget * draw.uniform(0.1, 0.7)
    shape = {"noise": _noise, "spikes": _spikes, "staircase": _staircase, "ramp": _ramp_to, "teeth": _teeth}[kind]
    own = shape(draw, base, top)
    on_gpu = draw.random() < 0.5
    spare = free - budget - 2 * exhaustion_floor(total)
    others = ((0.0, 0.0),) if on_gpu or spare <= 0 else draw.choice((_noise, _spikes))(draw, spare * 0.2, spare)
    return Curve(kind, total, free, budget, own, others, on_gpu)


def harmful(draw: random.Random) -> Curve:
    """A trial that crosses its budget and goes on until the device is full."""
    total, free, budget = _device(draw)
    kind = draw.choice(("ramp", "noisy ramp", "step", "staircase"))
    base = budget * draw.uniform(0.2, 0.9)
    start = draw.uniform(0.2, 0.6)
    rate = GIB * 2 ** draw.uniform(-2, 5.5)  # 0.25 to 45 GiB/s
    if kind == "step":  # past the budget at once, to the end a moment later
        height = budget + (free - budget) * draw.uniform(0.05, 0.8)
        stay = draw.uniform(0.0, 0.5)
        points = ((start, base), (start + 0.001, height), (start + 0.001 + stay, height), (start + 0.002 + stay, free * 1.01))
        return Curve(kind, total, free, budget, ((0.0, base), *points), on_gpu=draw.random() < 0.5)
    rise = max((free * 1.01 - base) / rate, 0.002)
    if rise > LONGEST_SECONDS:  # begins higher up instead of taking longer
        base, rise = free * 1.01 - rate * LONGEST_SECONDS, LONGEST_SECONDS
        base = min(base, budget * 0.999)
    steps = {"ramp": 1, "noisy ramp": 60, "staircase": draw.randint(3, 30)}[kind]
    own = _climb(draw, (start, base), (start + rise, free * 1.01), kind, steps)
    return Curve(kind, total, free, budget, ((0.0, base), *own), on_gpu=draw.random() < 0.5)


def squeeze(draw: random.Random) -> Curve:
    """A neighbour fills the device, evenly or by an allocator's steps, while the trial stands well within its budget."""
    total, free, _ = _device(draw)
    own = free * draw.uniform(0.1, 0.5)
    rate = GIB * 2 ** draw.uniform(-1, 4.5)
    start = draw.uniform(0.3, 0.6)
    rise = min((free - own) / rate, LONGEST_SECONDS)
    begun = max(0.0, free - own - rate * rise)
    kind = draw.choice(("ramp", "staircase"))
    climb = _climb(draw, (start, begun), (start + rise, free - own), kind, 1 if kind == "ramp" else draw.randint(10, 100))
    return Curve(kind, total, free, free, ((0.0, own),), ((0.0, begun), *climb), on_gpu=False)


def _device(draw: random.Random) -> tuple[int, int, int]:
    """Total, free at the launch, and a budget of 50 to 95 % of that."""
    total = draw.choice(DEVICES_GIB) * GIB
    free = int(total * draw.uniform(0.6, 0.98))
    return total, free, int(free * draw.uniform(0.5, 0.95))


def _noise(draw: random.Random, base: float, top: float) -> Line:
    points, seconds = [], 0.0
    while seconds < LONGEST_SECONDS:
        points.append((seconds, min(top, max(0.0, draw.gauss(base + (top - base) / 2, (top - base) / 4)))))
        seconds += draw.uniform(0.002, 0.02)
    return tuple(points)


def _spikes(draw: random.Random, base: float, top: float) -> Line:
    """Spikes of 2 to 200 ms, flanks included, up to the top."""
    points, seconds = [(0.0, base)], draw.uniform(0.05, 0.3)
    while seconds < LONGEST_SECONDS:
        up, stay, down = (draw.uniform(0.0005, 0.08) for _ in range(3))
        height = base + (top - base) * draw.uniform(0.5, 1.0)
        points += [(seconds, base), (seconds + up, height), (seconds + up + stay, height), (seconds + up + stay + down, base)]
        seconds += up + stay + down + draw.uniform(0.01, 0.5)
    return tuple(points)


def _staircase(draw: random.Random, base: float, top: float) -> Line:
    """An allocator's growth: steps of random height, each within a millisecond."""
    return ((0.0, base), *_climb(draw, (0.1, base), (draw.uniform(0.3, LONGEST_SECONDS), top), "staircase", draw.randint(3, 40)))


def _ramp_to(draw: random.Random, base: float, top: float) -> Line:
    """Loading of weights, at up to 45 GiB/s, that stops just below the budget."""
    rise = min(LONGEST_SECONDS, max(0.002, (top - base) / (GIB * 2 ** draw.uniform(-1, 5.5))))
    return ((0.0, base), (0.2, base), (0.2 + rise, top), (0.2 + rise + 0.5, top))


def _teeth(draw: random.Random, base: float, top: float) -> Line:
    """Training steps: activations grow forward, go backward."""
    points, seconds, forward = [], 0.0, draw.uniform(0.02, 0.4)
    while seconds < LONGEST_SECONDS:
        points += [(seconds, base), (seconds + forward, top), (seconds + 2 * forward, base)]
        seconds += 2 * forward + draw.uniform(0.005, 0.05)
    return tuple(points)


def _climb(draw: random.Random, start: tuple[float, float], end: tuple[float, float], kind: str, steps: int) -> Line:
    points = [start]
    for step in range(1, steps + 1):
        seconds = start[0] + (end[0] - start[0]) * step / steps
        value = start[1] + (end[1] - start[1]) * step / steps
        if kind == "staircase":
            points.append((seconds - min(0.001, (end[0] - start[0]) / steps / 2), points[-1][1]))
        elif step < steps:
            value += draw.uniform(-0.4, 0.4) * (end[1] - start[1]) / steps
        points.append((seconds, value))
    return tuple(points)
