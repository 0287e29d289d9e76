"""What a search space needs, before any of it is started: shares, spreads, changes and times. Pure.

Owns the figures of `harness plan`; which parameters decide is `harness.core.sensitivity`'s. Drawing settings and judging
them is `harness.sweep.plan`'s, showing the figures `harness.console.plan_table`'s and `harness.tracking.plan_plot`'s.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import fmean, median
from typing import Any

from harness.core.memory import MemoryEstimate
from harness.core.reliability import wilson_interval
from harness.core.sensitivity import Decider
from harness.core.speed import Seconds

_VISIBLE_SHARE = 0.005


class Fate(StrEnum):
    """What becomes of a setting."""

    FITS = "fits"
    ADAPTED = "fits after adapt"
    REFUSED = "does not fit"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of the space, judged.

    Attributes:
        proposal: Searched parameter -> value.
        estimate: Its peak as proposed.
        fate: Against the budget.
        steps: (parameter, in words) of what adapting changes; empty when it fits, or never fits.
        seconds: How long it takes; None when it is refused, or time is unknown.
    """

    proposal: Mapping[str, Any]
    estimate: MemoryEstimate
    fate: Fate
    steps: tuple[tuple[str, str], ...] = ()
    seconds: Seconds | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """`count` of `of`, with the 95 % interval of the share in the whole space, 0-1."""

    count: int
    of: int
    low: float
    high: float

    @property
    def value(self) -> float:
        """The share, 0-1; 0 of nothing."""
        return self.count / self.of if self.of else 0.0


@dataclass(frozen=True, slots=True)
class Change:
    """What adapting changes: one parameter, in how many settings, with the most frequent change in words."""

    name: str
    count: int
    example: str


def share(count: int, of: int) -> Share:
    """A share with its Wilson interval; of nothing it could be anything."""
    return Share(count, of, *(wilson_interval(count, of) if of else (0.0, 1.0)))


def shares(settings: Sequence[Setting]) -> dict[Fate, Share]:
    """The share of each fate, all fates present."""
    counted = Counter(setting.fate for setting in settings)
    return {fate: share(counted[fate], len(settings)) for fate in Fate}


def changes(settings: Sequence[Setting]) -> tuple[Change, ...]:
    """What adapting changes over all settings that it makes fit, the most frequent first."""
    words: dict[str, Counter[str]] = defaultdict(Counter)
    for setting in settings:
        for name, change in setting.steps:
            words[name][change] += 1
    found = [Change(name, counted.total(), counted.most_common(1)[0][0]) for name, counted in words.items()]
    return tuple(sorted(found, key=lambda change: (-change.count, change.name)))


@dataclass(frozen=True, slots=True)
class Peaks:
    """Smallest, median and largest estimate of the drawn settings, in bytes."""

    smallest: int
    median: int
    largest: int


def peaks(settings: Sequence[Setting]) -> Peaks:
    """Over at least one setting."""
    sizes = [setting.estimate.total_bytes for setting in settings]
    return Peaks(min(sizes), int(median(sizes)), max(sizes))


@dataclass(frozen=True, slots=True)
class Durations:
    """Expected times.

    Attributes:
        trial: The median trial; its low and high are the shortest and the longest trial's own bounds.
        sweep: All trials of the sweep one after the other, untuned baselines included.
    """

    trial: Seconds
    sweep: Seconds


def durations(settings: Sequence[Setting], n_trials: int, baseline: Seconds, *, adapting: bool) -> Durations | None:
    """How long a trial and the sweep take; None when nothing that starts has a time.

    A trial that is refused takes no time but counts as one of the `n_trials`, so the sweep's time is that of the share of
    the space that starts: an upper bound turns the refused ones into started ones, since the sampler learns to avoid them.

    Args:
        settings: Drawn from the space.
        n_trials: As in the file.
        baseline: All untuned baselines together.
        adapting: Whether what fits after adapting starts.
    """
    starting = {Fate.FITS, Fate.ADAPTED} if adapting else {Fate.FITS}
    times = [s.seconds for s in settings if s.fate in starting and s.seconds is not None]
    if not times:
        return None
    trial = Seconds(min(t.low for t in times), median(t.expected for t in times), max(t.high for t in times))
    started = n_trials * len(times) / len(settings)
    sweep = Seconds(
        started * fmean(t.low for t in times) + baseline.low,
        started * fmean(t.expected for t in times) + baseline.expected,
        n_trials * fmean(t.high for t in times) + baseline.high,
    )
    return Durations(trial, sweep)


def main_terms(estimates: Sequence[MemoryEstimate], count: int) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """The largest terms over several estimates side by side: (name, bytes in each), largest first, the others summed up.

    Args:
        estimates: In column order.
        count: Most rows with a name of their own.
    """
    tables = [dict(estimate.terms) for estimate in estimates]
    names = list(dict.fromkeys(name for table in tables for name in table))
    rows = {name: tuple(table.get(name, 0) for table in tables) for name in names}
    totals = [estimate.total_bytes for estimate in estimates]
    visible = [n for n in names if any(abs(size) >= _VISIBLE_SHARE * t for size, t in zip(rows[n], totals, strict=True))]
    chosen = sorted(visible, key=lambda name: -max(rows[name]))[:count]
    rest = tuple(t - sum(rows[n][i] for n in chosen) for i, t in enumerate(totals))
    named = tuple((name, rows[name]) for name in chosen)
    return (*named, ("everything else", rest)) if any(rest) else named


@dataclass(frozen=True, slots=True)
class Extreme:
    """A setting worth showing by itself.

    Attributes:
        label: ``smallest``, ``trial 0`` or ``largest``.
        setting: It, judged.
    """

    label: str
    setting: Setting


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that `harness plan` says.

    Attributes:
        name: The sweep file's name.
        model: Public id of the base.
        device: Name of the device.
        budget_bytes: Ceiling of one trial.
        budget_source: Where it comes from.
        settings: Drawn from the space; empty where every estimate takes seconds.
        extremes: Smallest, trial 0, largest.
        deciders: Which parameters decide, most first.
        on_risk: ``prune`` or ``adapt``, as the file has it.
        n_trials: Of the sweep.
        durations: None when unknown.
        time_basis: Where the times come from, or why there are none.
        notes: What else a person should know, one line each.
    """

    name: str
    model: str
    device: str
    budget_bytes: int
    budget_source: str
    settings: tuple[Setting, ...]
    extremes: tuple[Extreme, ...]
    deciders: tuple[Decider, ...]
    on_risk: str
    n_trials: int
    durations: Durations | None
    time_basis: str
    notes: tuple[str, ...] = ()

    @property
    def source(self) -> str:
        """``formula`` or ``tracer``."""
        return self.extremes[0].setting.estimate.source if self.extremes else "formula"
