"""What a look at a running trial brings: a sample, a judgement, a point of its curve, or an account of blindness.

Owns `Watch` and the state between two looks. The rules are `harness.core.watchdog`'s and `harness.core.sight`'s; when to
look, and ending a trial, is `harness.guard.watching`'s.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.core.admission import Budget
from harness.core.curve import CurvePoint
from harness.core.sight import BLIND_SECONDS, Sight
from harness.core.watchdog import Keep, Kill, Look, MemorySample, Rule, Watched, step
from harness.guard.probe import MemoryProbe, UnreadableError
from harness.guard.recorder import CurveRecorder
from harness.guard.shares import Shares

MEMORY_BACK_SECONDS = 10.0
_UNSEEN = MemorySample(0, 0, 0)


class StopSignal:
    """A wish to stop that a signal handler can voice: once to end cleanly, twice to end at once."""

    def __init__(self) -> None:
        self._requests = 0

    def request(self) -> None:
        """Ask to stop; asking again means now. Safe in a signal handler and from any thread."""
        self._requests += 1

    @property
    def requested(self) -> bool:
        """Whether anyone asked."""
        return self._requests > 0

    @property
    def immediate(self) -> bool:
        """Whether anyone asked twice."""
        return self._requests > 1


@dataclass(frozen=True, slots=True)
class Watch:
    """How to watch a child.

    Attributes:
        probe: Measures; turned to the child when that is started.
        budget: The ceiling; None only measures.
        poll_hz: Looks a second, above 0 and at most 50.
        on_poll: Told every sample after it was judged, the last one again while the device cannot be read. Must return
            quickly: the next look waits for it.
        stop: Looked at on every poll.
        grace_s: Seconds between SIGTERM and SIGKILL after a first request.
        pace: Tells the latest tokens a second of the training; None before the first, and where nothing tells it.
        memory_back_s: Seconds to wait for the device's memory after the child's end.
    """

    probe: MemoryProbe
    budget: Budget | None
    poll_hz: float = 20.0
    on_poll: Callable[[MemorySample], None] | None = None
    stop: StopSignal | None = None
    grace_s: float = 15.0
    pace: Callable[[], float | None] | None = None
    memory_back_s: float = MEMORY_BACK_SECONDS


def first_sight(probe: MemoryProbe, pid: int) -> Sight:
    """Turn a probe to a process tree before that has allocated anything: the baseline is taken here.

    Args:
        probe: Measures.
        pid: Root of the tree.

    Returns:
        How well it is seen: blind where the device could not be read.

    Raises:
        DeviceLostError: if the device is gone.
    """
    try:
        probe.watch(pid)
    except UnreadableError as error:
        return Sight().blinded(0.0, f"{error.why}, so there is no baseline")
    return Sight()


class Watcher:
    """Looks at one child, or at one job of a worker.

    Args:
        watch: How.
        sight: `first_sight` of the process, the same for all of a worker's jobs.
    """

    def __init__(self, watch: Watch, sight: Sight) -> None:
        self.watch = watch
        self.peak_bytes = 0
        self.killed: Kill | None = None
        self.killed_at_s: float | None = None
        self._watched = Watched()
        self._recorder = CurveRecorder()
        self._sight = sight
        self._shares = Shares(watch.probe)
        self._last = _UNSEEN
        self._ask_at = 0.0
        self._baseline = not sight.blind

    @property
    def blind(self) -> str | None:
        """When and why the child ran unwatched; None when it never did."""
        return self._sight.account()

    def curve(self) -> tuple[CurvePoint, ...]:
        """The child's memory so far."""
        return self._recorder.points()

    def look(self, seconds: float) -> bool:
        """Take and judge one sample; True ends the child.

        Args:
            seconds: Since the child started.

        Raises:
            DeviceLostError: if the device is gone.
        """
        sample = self._sample(seconds)
        decision = None
        if sample is not None:
            self._last, decision = self._judge(seconds, sample)
            self.peak_bytes = max(self.peak_bytes, self._last.used_bytes)
            self._recorder.add(CurvePoint(seconds, self._last.used_bytes, self._last.free_bytes))
        if isinstance(decision, Kill):
            self.killed, self.killed_at_s = decision, seconds
            return True
        if self.watch.on_poll is not None:
            self.watch.on_poll(self._last)
        return False

    def _sample(self, seconds: float) -> MemorySample | None:
        if not self._baseline or seconds < self._ask_at:
            return None
        try:
            sample = self.watch.probe.sample()
        except UnreadableError as error:
            self._sight = self._sight.failed(seconds, error.why)
            self._ask_at = seconds + BLIND_SECONDS if self._sight.blind else seconds
            return None
        self._sight = self._sight.seen(seconds)
        return sample

    def _judge(self, seconds: float, sample: MemorySample) -> tuple[MemorySample, Keep | Kill | None]:
        """The decision, and the sample with the trial's own share where the driver tells it."""
        budget = self.watch.budget
        if budget is None:
            return sample, None
        sample = self._shares.followed(seconds, sample)
        pace = self.watch.pace() if self.watch.pace is not None else None
        self._watched, decision = step(self._watched, Look(seconds, sample, pace), budget)
        if isinstance(decision, Kill) and decision.rule is Rule.LEVEL:
            return self._shares.judged(seconds, sample, budget, decision)
        return sample, decision
