"""The crew that carries segments out without running anything: learning curves, a card that is not there, virtual time.

Owns who works on what and until when, in virtual seconds. What a segment is worth comes from `harness.simulation`. All it
has to know after a `kill -9` stands in the trial's folder, as a real worker's checkpoint does, and in the timeline's file.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from harness.console.text import gib
from harness.core.outcome import Ending, Outcome
from harness.core.rungs import RungScore, steps_at
from harness.simulation.card import SimulatedCard
from harness.simulation.curves import Curves, Reading
from harness.simulation.faults import FaultPlan
from harness.simulation.timeline import Moment, Timeline
from harness.sweep.crew import Finished, Segment
from harness.sweep.gate import Judged
from harness.sweep.segment_result import loss_score, named_for_rung, so_far
from harness.trial.trial_dir import TrialDir, write_atomic

CHECKPOINT = "simulated.json"
"""Among a trial's checkpoints: the share of the training that is behind it. Removed with them."""

_PEAK_AT = 0.1  # share of a segment after which a training has reached its peak

Observe = Callable[[Judged, int, bool], None]
"""Told settings, peak in bytes, and whether the trial was ended for it: it needed at least so much."""


@dataclass(frozen=True, slots=True)
class World:
    """What there is instead of processes and a device.

    Attributes:
        curves: How good settings become, and how long that takes.
        card: What holds the trials.
        timeline: Virtual time, and what happened.
        workers: Segments at once, where the card has room.
        faults: What goes wrong.
        pace_s: Real seconds spent on every segment, so that a sweep can be killed in the middle of one.
        start_s: Virtual seconds before a segment's training begins, the base model being there already.
    """

    curves: Curves
    card: SimulatedCard
    timeline: Timeline = field(default_factory=Timeline)
    workers: int = 1
    faults: FaultPlan = field(default_factory=FaultPlan)
    pace_s: float = 0.0
    start_s: float = 0.0


@dataclass(frozen=True, slots=True)
class _Running:
    """A segment under way; its end is known from the start, unless it is stopped."""

    began: float
    ends: float
    finished: Finished
    reached: float  # share of the training behind the trial when it has ended well


class SimulatedCrew:
    """Implements `harness.sweep.crew.Crew`.

    Args:
        world: What there is.
        objectives: Metric names, in order.
        folder: Label -> the trial's folder.
        observe: Learns from peaks, as `Gate.observe`.
    """

    def __init__(self, world: World, objectives: tuple[str, ...], folder: Callable[[str], TrialDir], observe: Observe) -> None:
        self._world = world
        self._objectives = objectives
        self._folder = folder
        self._observe = observe
        self._running: dict[int, _Running] = {}
        self._attempts: Counter[tuple[int, int]] = Counter()
        self._idle: list[str | None] = [None] * world.workers  # the base that each idle worker holds

    def now(self) -> float:
        """Virtual seconds since the study began."""
        return self._world.timeline.now()

    def room(self, needed_bytes: int | None) -> bool:
        """Whether a worker is free and the card has room."""
        taken = [running.finished.segment.needed_bytes for running in self._running.values()]
        return len(taken) < self._world.workers and self._world.card.has_room(needed_bytes, taken)

    def start(self, segment: Segment) -> None:
        """Begin a segment; how it will end is drawn now."""
        fault = self._world.faults.fault(segment.number, segment.rung, self._attempts[segment.number, segment.rung])
        self._attempts[segment.number, segment.rung] += 1
        base = segment.judged.workload.params.quantization.value
        held = base in self._idle
        self._idle.remove(base if held else self._idle[0])
        outlook = self._outlook(segment, held=held)
        duration = outlook.finished.duration_s * fault.slower
        if fault.dies_at is not None:
            duration *= fault.dies_at
            lost = Outcome(Ending.FAILED, "the trial process died by signal 9: simulated", {"trial_runtime_s": duration})
            outlook = replace(outlook, finished=Finished(segment, lost, None, duration))
        finished = replace(outlook.finished, duration_s=duration)
        self._running[segment.number] = replace(outlook, ends=self.now() + duration, finished=finished)

    def wait(self, seconds: float) -> list[Finished]:
        """Let virtual time pass until the next segment ends; `seconds` are real ones, and hardly any pass.

        With 0 only what is due by now comes back.
        """
        if not self._running:
            return []
        following = min(self._running.values(), key=lambda r: (r.ends, r.finished.segment.number))
        if seconds <= 0 and following.ends > self.now():
            return []
        if self._world.pace_s:
            time.sleep(self._world.pace_s)
        ended = self._running.pop(following.finished.segment.number).finished
        lost = ended.outcome.ending is Ending.FAILED
        self._idle.append(None if lost else ended.segment.judged.workload.params.quantization.value)
        self._settle(following)
        return [following.finished]

    def running(self) -> tuple[Segment, ...]:
        """Segments under way, by trial number."""
        return tuple(self._running[number].finished.segment for number in sorted(self._running))

    def status(self) -> dict[int, dict[str, Any]]:
        """How each running trial stands; times are virtual."""
        steps = self._world.curves.total_steps
        return {number: self._stands(running, steps) for number, running in self._running.items()}

    def stop(self, number: int, reason: str) -> None:
        """End a segment now; nothing of it is kept."""
        found = self._running.get(number)
        if found is not None:
            stopped = Outcome(Ending.INTERRUPTED, reason)
            lasted = self.now() - found.began
            finished = Finished(found.finished.segment, stopped, None, lasted)
            self._running[number] = replace(found, ends=self.now(), finished=finished)

    def close(self) -> None:
        """Forget what runs, as processes end with their parent."""
        self._running.clear()
        self._idle = [None] * self._world.workers

    def _stands(self, running: _Running, steps: int) -> dict[str, Any]:
        segment = running.finished.segment
        used = running.finished.outcome.metrics.get("peak_bytes")
        return {
            "rung": segment.rung,
            "phase": "train",
            "step": steps_at(self._done(segment), steps),
            "total": steps_at(segment.share.training, steps),
            "used_bytes": None if used is None else int(used),
            "eta_s": running.ends - self.now(),
        }

    def _outlook(self, segment: Segment, *, held: bool) -> _Running:
        """How a segment ends if no worker dies; `held`: its base is loaded already."""
        world, settings = self._world, segment.judged.workload.params.to_dict()
        done = self._done(segment)
        stages = world.curves.stages(settings, done, segment.share)
        duration = world.start_s + stages.total - (stages.load if held else 0.0)
        peak = self._peak(segment)
        steps = steps_at(segment.share.training, world.curves.total_steps)
        before = steps_at(done, world.curves.total_steps) if done else 0
        metrics = {"trial_runtime_s": duration, **({} if peak is None else {"peak_bytes": float(peak)})}
        if peak is not None and peak > world.card.budget_bytes:
            outcome = _over_budget(peak, world.card.budget_bytes, {**metrics, "trial_runtime_s": _PEAK_AT * duration})
            return self._ending(segment, Finished(segment, outcome, None, _PEAK_AT * duration), done)
        constraint = 0.0 if peak is None else peak / world.card.budget_bytes - 1
        reading = world.curves.read(settings, segment.share)
        if reading.diverged is not None:
            lasted = stages.load + stages.train
            metrics = so_far(segment, {**metrics, "trial_runtime_s": lasted})
            outcome = Outcome(Ending.PRUNED_UNSTABLE, reading.diverged, metrics, constraint, stability_constraint=1.0)
            return self._ending(segment, Finished(segment, outcome, None, lasted, steps - before), done)
        measured = so_far(segment, {**reading.metrics, **metrics})
        by_loss = segment.share.by_loss
        missing = [name for name in (("eval_loss",) if by_loss else self._objectives) if name not in measured]
        if missing:
            outcome = Outcome(Ending.FAILED, f"{missing[0]} was not measured", measured)
            return self._ending(segment, Finished(segment, outcome, None, duration, steps - before), done)
        score = loss_score(segment, measured) if by_loss else score_of(segment, reading, measured, self._objectives)
        outcome = Outcome(Ending.COMPLETED, "completed", named_for_rung(segment, measured), min(constraint, 0.0))
        return self._ending(segment, Finished(segment, outcome, score, duration, steps - before), segment.share.training)

    def _ending(self, segment: Segment, finished: Finished, reached: float) -> _Running:
        return _Running(self.now(), self.now() + finished.duration_s, finished, reached)

    def _peak(self, segment: Segment) -> int | None:
        """What the trial would need; None where nothing is predicted."""
        judged = segment.judged
        if judged.estimate is None:
            return None
        return self._world.card.peak(judged.estimate.total_bytes, judged.workload.params.to_dict())

    def _settle(self, ended: _Running) -> None:
        """What a real worker leaves behind: its checkpoint, and a peak to learn from."""
        segment, outcome, score = ended.finished.segment, ended.finished.outcome, ended.finished.score
        values = score.values if score else None
        steps = ended.finished.train_steps
        moment = Moment(ended.ends, segment.number, segment.rung, outcome.ending.value, segment.last, values, steps)
        self._world.timeline.happened(moment)
        peak = outcome.metrics.get("peak_bytes")
        if outcome.ending is Ending.COMPLETED:
            self._keep(segment, ended.reached)
        if peak is not None and outcome.ending in (Ending.COMPLETED, Ending.PRUNED_MEMORY):
            self._observe(segment.judged, int(peak), outcome.ending is Ending.PRUNED_MEMORY)

    def _done(self, segment: Segment) -> float:
        """Share of the training that an earlier segment has left a checkpoint of, below this one's."""
        try:
            done = float(json.loads((self._folder(segment.label).checkpoints_dir / CHECKPOINT).read_text("utf-8"))["share"])
        except (OSError, ValueError, KeyError):
            return 0.0
        return done if done < segment.share.training else segment.share.training

    def _keep(self, segment: Segment, share: float) -> None:
        folder = self._folder(segment.label).checkpoints_dir
        folder.mkdir(parents=True, exist_ok=True)
        write_atomic(folder / CHECKPOINT, json.dumps({"share": share}))


def _over_budget(peak: int, budget: int, metrics: dict[str, float]) -> Outcome:
    reason = f"used {gib(peak)}, more than its budget of {gib(budget)}"
    return Outcome(Ending.PRUNED_MEMORY, reason, metrics, memory_constraint=peak / budget - 1)


def score_of(segment: Segment, reading: Reading, metrics: dict[str, float], objectives: Sequence[str]) -> RungScore:
    """What the trial is worth at the rung, function by function where a figure is measured so."""
    count = max((len(column) for column in reading.columns.values()), default=0)
    absent = (None,) * count
    rows = tuple(zip(*(reading.columns.get(name, absent) for name in objectives), strict=True))
    values = tuple(float(metrics[name]) for name in objectives)
    return RungScore(segment.number, segment.rung, values, rows, reading.eval_loss)
