"""What the terminal display is drawn from: who runs, who waits at a rung, how far the sweep is. Values, never changed.

Owns what each event does to the picture; drawing is `harness.console.rich_lines`'s.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from harness.console.view import TrialEnd, TrialLine, TrialPaused, TrialProgress
from harness.core.outcome import Ending

_Kept = TypeVar("_Kept")


@dataclass(frozen=True, slots=True)
class Running:
    """A trial on the screen: what it is, since when (seconds on the view's clock), and the last look at it."""

    trial: TrialLine
    since: float
    progress: TrialProgress


@dataclass(frozen=True, slots=True)
class Tally:
    """How far the sweep is.

    Attributes:
        ended: Ended trials by kind of ending.
        spent_s: Seconds that were worked on the trials that ended or wait.
        n_trials: Trials aimed at.
        waiting: Rung index -> trials that wait there.
        workers: Trials that may run at once.
        before: Trials that an earlier run of the sweep ended.
    """

    ended: Mapping[Ending, int]
    spent_s: float
    n_trials: int
    waiting: Mapping[int, int] = field(default_factory=dict)
    workers: int = 1
    before: int = 0

    @property
    def tried(self) -> int:
        """Trials that ended or wait at a rung, those of an earlier run included."""
        return self.before + self._seen

    @property
    def left_s(self) -> float | None:
        """Expected seconds until every trial was tried, as the ones so far took; None without any. Promotions come on top."""
        rest = self.n_trials - self.tried
        return self.spent_s / self._seen * rest / self.workers if self._seen and rest > 0 else None

    @property
    def _seen(self) -> int:
        return sum(self.ended.values()) + sum(self.waiting.values())


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything the live region shows.

    Attributes:
        slots: Running trials; each keeps its place until it ends, and the next one takes the first free place.
        paused: Label -> where it waits.
        known: Label -> what is running or waiting.
        ended: Ended trials by kind of ending.
        ended_s: Seconds that were worked on them.
    """

    slots: tuple[Running | None, ...] = ()
    paused: Mapping[str, TrialPaused] = field(default_factory=dict)
    known: Mapping[str, TrialLine] = field(default_factory=dict)
    ended: Mapping[Ending, int] = field(default_factory=dict)
    ended_s: float = 0.0

    def line(self, label: str) -> TrialLine:
        """What a trial is; one that an earlier run of the sweep left has a label only."""
        return self.known.get(label, TrialLine(label, {}))

    def starts(self, trial: TrialLine, now: float) -> Stage:
        """A trial begins, or goes on."""
        running = Running(trial, now, TrialProgress(trial.label, "start"))
        known = {**self.known, trial.label: trial}
        return replace(self, slots=_seated(self.slots, running), paused=_without(self.paused, trial.label), known=known)

    def moves(self, progress: TrialProgress, now: float) -> Stage:
        """A look at a trial; one that was not running has gone on."""
        before = next((r for r in self.slots if r is not None and r.trial.label == progress.label), None)
        if before is None:
            return self.starts(self.line(progress.label), now).moves(progress, now)
        return replace(self, slots=_seated(self.slots, replace(before, progress=progress)))

    def pauses(self, paused: TrialPaused) -> Stage:
        """A trial waits at a rung."""
        return replace(self, slots=_risen(self.slots, paused.label), paused={**self.paused, paused.label: paused})

    def ends(self, end: TrialEnd) -> Stage:
        """A trial is over."""
        gone = replace(
            self,
            slots=_risen(self.slots, end.label),
            paused=_without(self.paused, end.label),
            known=_without(self.known, end.label),
        )
        if self.line(end.label).kind != "trial":
            return gone
        counted = Counter(self.ended)
        counted[end.ending] += 1
        return replace(gone, ended=counted, ended_s=self.ended_s + end.duration_s)

    def tally(self, n_trials: int, workers: int, before: int) -> Tally:
        """How far the sweep is.

        Args:
            n_trials: Trials aimed at.
            workers: Trials that may run at once.
            before: Trials that an earlier run of the sweep ended.
        """
        spent_s = self.ended_s + sum(paused.duration_s for paused in self.paused.values())
        waiting = Counter(paused.rung for paused in self.paused.values())
        return Tally(self.ended, spent_s, n_trials, waiting, workers, before)


def _seated(slots: tuple[Running | None, ...], running: Running) -> tuple[Running | None, ...]:
    labels = [None if slot is None else slot.trial.label for slot in slots]
    place = next((labels.index(wanted) for wanted in (running.trial.label, None) if wanted in labels), len(slots))
    return (*slots[:place], running, *slots[place + 1 :])


def _risen(slots: tuple[Running | None, ...], label: str) -> tuple[Running | None, ...]:
    return tuple(None if slot is not None and slot.trial.label == label else slot for slot in slots)


def _without(mapping: Mapping[str, _Kept], label: str) -> dict[str, _Kept]:
    return {key: value for key, value in mapping.items() if key != label}
