"""Segments on real trial processes of this machine: one thread for each process, one for scoring; one main thread decides.

Owns what is under way. Threads are `harness.sweep.hands`'s, what they do `harness.sweep.local_task`'s and
`harness.sweep.scoring`'s; stores and the screen are touched here, in the thread that calls.
"""

from __future__ import annotations

import queue
import time
from dataclasses import dataclass
from functools import partial
from typing import Any

from evaluation import Report
from harness.console.view import TrialProgress
from harness.core.outcome import Ending, Outcome
from harness.core.stopping import Stall
from harness.sweep.crew import Finished, Segment
from harness.sweep.devices import Device
from harness.sweep.hands import Hand, Post
from harness.sweep.local_result import finished, judged, scored, with_loss
from harness.sweep.local_task import Limits, Live, carry_out
from harness.sweep.progress import Followed, Follower
from harness.sweep.rung_files import RungFiles
from harness.sweep.runner import ChildRun, clear_results
from harness.sweep.scoring import Scoring, StopNowError, score_suites_of
from harness.sweep.seats import Seats
from harness.sweep.specs import segment_spec
from harness.sweep.trial_process import open_worker
from harness.sweep.workplace import Workplace

_FORWARD_SECONDS = 0.25
_END_SECONDS = 40.0


@dataclass(slots=True)
class _Active:
    """A segment under way."""

    live: Live
    follower: Follower
    child: ChildRun | None = None
    outcome: Outcome | None = None
    scored: tuple[int, int] = (0, 0)
    scoring_began: float = 0.0


class LocalCrew:
    """Keeps the `Crew` contract with processes of this machine.

    Args:
        work: The sweep.
        devices: Where trials run; a worker for each entry.
        files: Validation functions of every rung.
    """

    def __init__(self, work: Workplace, devices: tuple[Device, ...], files: RungFiles) -> None:
        self._work = work
        self._devices = devices
        self._files = files
        self._posts: queue.SimpleQueue[Post] = queue.SimpleQueue()
        self._workers = tuple(open_worker(work.environ, device.probe) for device in devices)
        self._hands = tuple(
            Hand(f"trial-process-{index}", self._posts, worker.close) for index, worker in enumerate(self._workers)
        )
        self._scorer = Hand("scoring", self._posts)
        self._scoring = Scoring.of(work)
        self._active: dict[int, _Active] = {}
        self._seats = Seats([device.index for device in devices], work.materials.budget.bytes)
        guard = work.config.guard
        self._limits = Limits(guard.poll_hz, guard.wait_s, work.config.study.trial_timeout_s)
        self._stall = Stall(work.config.workers.stall_s)
        self._next_look = 0.0

    def now(self) -> float:
        """Seconds, monotonic."""
        return time.monotonic()

    def running(self) -> tuple[Segment, ...]:
        """Segments under way, scoring included."""
        return tuple(active.live.segment for active in self._active.values())

    def room(self, needed_bytes: int | None) -> bool:
        """Whether a process is idle on a device that has room."""
        return self._seats.find(needed_bytes) is not None

    def start(self, segment: Segment) -> None:
        """Hand a segment to an idle process, one with the right base where there is a choice."""
        base = (segment.judged.workload.params.quantization.value, segment.judged.workload.offloaded_layers)
        hand = self._seats.find(segment.needed_bytes, base)
        if hand is None:
            raise RuntimeError("start without room")
        device = self._devices[hand]
        folder = self._work.paths.trial_dir(self._work.ledger.name, segment.label)
        clear_results(folder, keep_events=segment.rung > 0)
        folder.write_spec(segment_spec(self._work, segment, self._files.paths[segment.rung], device))
        live = Live(segment, folder, hand, device.share_of_budget(self._seats.reserved(device.index)))
        self._seats.take(segment.number, hand, segment.needed_bytes, base)
        rungs = len(self._files.paths) if len(self._files.paths) > 1 else 0
        followed = Followed(segment.label, segment.run_id, folder, segment.rung, rungs)
        self._active[segment.number] = _Active(live, Follower(self._work, followed))
        self._hands[hand].give(segment.number, partial(self._run, live, hand))

    def wait(self, seconds: float) -> list[Finished]:
        """Wait until a segment ends; meanwhile its stream goes to MLflow and the screen."""
        end = time.monotonic() + seconds
        while True:
            self._look()
            left = min(end, self._next_look) - time.monotonic()
            try:
                post = self._posts.get(timeout=max(0.0, left)) if left > 0 else self._posts.get_nowait()
            except queue.Empty:
                if time.monotonic() >= end:
                    return []
                continue
            finished = self._taken(post)
            if finished is not None:
                return [finished]

    def status(self) -> dict[int, dict[str, Any]]:
        """How each running trial stands."""
        return {number: self._status(active) for number, active in self._active.items()}

    def stop(self, number: int, reason: str) -> None:
        """End one trial's segment; asked again, at once."""
        active = self._active.get(number)
        if active is not None:
            active.live.stop_reason = reason
            active.live.stop.request()

    def close(self) -> None:
        """End every process and thread."""
        for active in self._active.values():
            active.live.stop.request()
            active.live.stop.request()
        for hand in (*self._hands, self._scorer):
            hand.end(_END_SECONDS)
        for device in self._devices:
            device.close()
        self._active.clear()

    def _run(self, live: Live, hand: int) -> ChildRun:
        worker = self._workers[hand]
        try:
            return carry_out(live, worker, self._devices[hand].probe, self._limits)
        finally:
            if not self._work.config.workers.warm:
                worker.recycle()

    def _look(self) -> None:
        """Forward what the running segments say, a few times a second; pass a wish to stop on."""
        now = time.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + _FORWARD_SECONDS
        for active in self._active.values():
            if self._work.stop.requested and not active.live.stop.requested:
                active.live.stop.request()
            if self._work.stop.immediate and not active.live.stop.immediate:
                active.live.stop.request()
            self._show(active)

    def _status(self, active: _Active) -> dict[str, Any]:
        stands = active.follower.status(active.live.sample)
        if active.child is not None:
            stands |= {"phase": "score", "step": active.scored[0], "total": active.scored[1], "eta_s": None}
        return {"rung": active.live.segment.rung, **stands}

    def _show(self, active: _Active) -> None:
        if active.child is not None:
            done, total = active.scored
            self._work.view.trial_progress(
                TrialProgress(active.live.segment.label, "score", done, total, budget_bytes=self._work.materials.budget.bytes)
            )
            return
        if active.live.waits:
            self._work.view.message(active.live.waits)
            active.live.waits = None
        active.follower.follow(active.live.sample)
        active.live.tokens_per_s = active.follower.tokens_per_s
        silent = self._stall.reason(active.follower.quiet_s())
        if silent and active.live.stalled is None and not active.live.stop.requested:
            active.live.stalled = silent
            active.live.stop.request()

    def _taken(self, post: Post) -> Finished | None:
        """Deal with what a thread came back with."""
        active = self._active[post.number]
        trained = active.child is None
        if trained:
            self._seats.leave(post.number)
        if post.error is not None and not (isinstance(post.error, StopNowError) and not trained):
            del self._active[post.number]
            raise post.error
        return self._trained(active, post.result) if trained else self._scored(active, post.result)

    def _trained(self, active: _Active, child: ChildRun) -> Finished | None:
        """A process is done with a segment: judge it, and have its suites scored where it wrote any."""
        live, active.child = active.live, child
        active.follower.follow(None)
        active.outcome = judged(self._work, live, child)
        if active.outcome.ending is not Ending.COMPLETED:
            return self._end(active, active.outcome, None)
        if live.segment.share.by_loss:
            return self._end(active, with_loss(active.outcome), None)
        active.scoring_began = time.monotonic()
        functions = self._files.paths[live.segment.rung]
        task = partial(score_suites_of, self._scoring, live.folder, functions, partial(setattr, active, "scored"))
        self._scorer.give(live.segment.number, task)
        return None

    def _scored(self, active: _Active, report: Report | None) -> Finished:
        outcome = active.outcome
        if outcome is None:
            raise RuntimeError("scored before it was judged")
        return self._end(active, scored(self._work, outcome, report, time.monotonic() - active.scoring_began), report)

    def _end(self, active: _Active, outcome: Outcome, report: Report | None) -> Finished:
        del self._active[active.live.segment.number]
        if active.child is None:
            raise RuntimeError("ended before its process did")
        return finished(self._work, (active.live, active.child), outcome, report)
