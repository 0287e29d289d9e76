"""Running one child process under watch: the one door for trial processes.

Owns the loop: wait, look, decide, end. Judging a sample is `harness.core.watchdog`'s, measuring a probe's, and the
promise that nothing survives the keeper's.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from harness.core.admission import Budget
from harness.core.watchdog import Kill, MemorySample, decide
from harness.guard.child import Child, Launch
from harness.guard.probe import MemoryProbe

__all__ = ["Ended", "Launch", "StopSignal", "Watch", "supervise"]

MEMORY_BACK_SECONDS = 10.0
_BACK_BYTES = 64 << 20
_BACK_SHARE = 50
_BACK_POLL_SECONDS = 0.01


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
        probe: Measures; turned to this child by `supervise`.
        budget: The ceiling; None only measures.
        poll_hz: Looks a second, above 0.
        on_poll: Told every sample after it was judged. Must return quickly: the next look waits for it.
        stop: Looked at on every poll.
        grace_s: Seconds between SIGTERM and SIGKILL after a first request.
    """

    probe: MemoryProbe
    budget: Budget | None
    poll_hz: float = 20.0
    on_poll: Callable[[MemorySample], None] | None = None
    stop: StopSignal | None = None
    grace_s: float = 15.0


@dataclass(frozen=True, slots=True)
class Ended:
    """How a child ended. Nothing of it is alive any more.

    Attributes:
        returncode: Exit code, or minus the signal that ended it; 127 when the program could not be executed.
        duration_s: Wall seconds from start to the last process gone.
        peak_bytes: Largest `used_bytes` seen.
        killed: The watchdog's decision, or None.
        timed_out: Killed because `Launch.timeout_s` had passed.
        interrupted: Ended on request (`Watch.stop`).
        log_tail: Last lines of its output.
        memory_back_after_s: Seconds from its end until the device had its memory back; None when not within 10 s.
    """

    returncode: int
    duration_s: float
    peak_bytes: int
    killed: Kill | None
    timed_out: bool
    interrupted: bool
    log_tail: str
    memory_back_after_s: float | None


def supervise(launch: Launch, watch: Watch) -> Ended:
    """Run a child to its end, whichever way it comes, and leave no process behind.

    The child runs in a session of its own with stdin from /dev/null and no core files. It ends with this process,
    however that ends: SIGKILL included. Above budget, at the time limit and on a second request it gets SIGKILL with
    all it started; on a first request SIGTERM, and SIGKILL after the grace.

    Raises:
        DeviceLostError: if the probe's device stops answering; the child has been killed.
        HarnessError: if the child cannot be started.
    """
    child = Child(launch)
    try:
        watch.probe.watch(child.pid)
        child.start()
        run = _Run(child, launch, watch)
        returncode = run.follow()
        duration_s = time.monotonic() - run.started
    finally:
        child.close()
    back = _memory_back(watch.probe, run.peak_bytes)
    return Ended(returncode, duration_s, run.peak_bytes, run.killed, run.timed_out, run.interrupted, child.log_tail(), back)


class _Run:
    """The state of one supervision."""

    def __init__(self, child: Child, launch: Launch, watch: Watch) -> None:
        self.child = child
        self.watch = watch
        self.started = time.monotonic()
        self.deadline = float("inf") if launch.timeout_s is None else self.started + launch.timeout_s
        self.grace_ends = float("inf")
        self.peak_bytes = 0
        self.killed: Kill | None = None
        self.timed_out = False
        self.interrupted = False

    def follow(self) -> int:
        """Poll until the child is gone; returns its exit code."""
        period = 1.0 / self.watch.poll_hz
        next_look = time.monotonic()
        while True:
            returncode = self.child.wait(max(0.0, next_look - time.monotonic()))
            if returncode is not None:
                return returncode
            if self._look() or self._over_time() or self._stopped():
                return self.child.kill()
            next_look = max(next_look + period, time.monotonic())

    def _look(self) -> bool:
        """Take and judge one sample; True ends the child."""
        sample = self.watch.probe.sample()
        self.peak_bytes = max(self.peak_bytes, sample.used_bytes)
        if self.watch.budget is not None:
            decision = decide(sample, self.watch.budget)
            if isinstance(decision, Kill):
                self.killed = decision
                return True
        if self.watch.on_poll is not None:
            self.watch.on_poll(sample)
        return False

    def _over_time(self) -> bool:
        self.timed_out = not self.interrupted and time.monotonic() > self.deadline
        return self.timed_out

    def _stopped(self) -> bool:
        """Pass a request on; True when it has to end at once."""
        stop = self.watch.stop
        if stop is None or not stop.requested:
            return False
        if not self.interrupted:
            self.interrupted = True
            self.grace_ends = time.monotonic() + self.watch.grace_s
            self.child.terminate()
        return stop.immediate or time.monotonic() > self.grace_ends


def _memory_back(probe: MemoryProbe, peak_bytes: int) -> float | None:
    """Seconds until all but 64 MiB or 2 % of the peak is free again; a driver frees a dead process's memory late."""
    started = time.monotonic()
    while (waited := time.monotonic() - started) < MEMORY_BACK_SECONDS:
        if probe.sample().used_bytes <= max(_BACK_BYTES, peak_bytes // _BACK_SHARE):
            return waited
        time.sleep(_BACK_POLL_SECONDS)
    return None
