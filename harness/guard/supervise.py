"""Running one child process under watch: the one door for trial processes.

Owns the loop: wait, look, decide, end. What a look brings is `harness.guard.watcher`'s, measuring a probe's, and the
promise that nothing survives the keeper's.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from harness.core.curve import CurvePoint
from harness.core.watchdog import Kill
from harness.guard.child import Child, Launch
from harness.guard.probe import MemoryProbe, UnreadableError
from harness.guard.watcher import StopSignal, Watch, Watcher

__all__ = ["Ended", "Launch", "StopSignal", "Watch", "supervise"]

_BACK_BYTES = 64 << 20
_BACK_SHARE = 50
_BACK_POLL_SECONDS = 0.01


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
        memory_back_after_s: Seconds from its end until the device had its memory back; None when not within
            `Watch.memory_back_s`.
        curve: Its memory over time, at most 1000 points; the peak is always among them.
        killed_at_s: Seconds from the start to the watchdog's decision; None without one.
        blind: When and why it ran unwatched, in one sentence; None when it never did.
        notes: What the probe could not see, one sentence each.
    """

    returncode: int
    duration_s: float
    peak_bytes: int
    killed: Kill | None
    timed_out: bool
    interrupted: bool
    log_tail: str
    memory_back_after_s: float | None
    curve: tuple[CurvePoint, ...] = ()
    killed_at_s: float | None = None
    blind: str | None = None
    notes: tuple[str, ...] = ()


def supervise(launch: Launch, watch: Watch) -> Ended:
    """Run a child to its end, whichever way it comes, and leave no process behind.

    The child runs in a session of its own with stdin from /dev/null and no core files. It ends with this process,
    however that ends: SIGKILL included. Above budget, at the time limit and on a second request it gets SIGKILL with
    all it started; on a first request SIGTERM, and SIGKILL after the grace. A device that cannot be read for a while, or
    for good, does not end it: it goes on unwatched, under the cap that its own allocator keeps.

    Raises:
        DeviceLostError: if the probe's device is gone; the child has been killed.
        HarnessError: if the child cannot be started.
    """
    child = Child(launch)
    try:
        watcher = Watcher(watch, child.pid)
        child.start()
        run = _Run(child, launch, watcher)
        returncode = run.follow()
        duration_s = time.monotonic() - run.started
    finally:
        child.close()
    return Ended(
        returncode,
        duration_s,
        watcher.peak_bytes,
        watcher.killed,
        run.timed_out,
        run.interrupted,
        child.log_tail(),
        _memory_back(watch, watcher.peak_bytes),
        watcher.curve(),
        watcher.killed_at_s,
        watcher.blind,
        watch.probe.notes,
    )


class _Run:
    """The state of one supervision."""

    def __init__(self, child: Child, launch: Launch, watcher: Watcher) -> None:
        self.child = child
        self.watch = watcher.watch
        self.watcher = watcher
        self.started = time.monotonic()
        self.deadline = float("inf") if launch.timeout_s is None else self.started + launch.timeout_s
        self.grace_ends = float("inf")
        self.timed_out = False
        self.interrupted = False

    def follow(self) -> int:
        """Poll until the child is gone; returns its exit code."""
        period = 1.0 / self.watch.poll_hz
        now = next_look = time.monotonic()
        while (returncode := self.child.wait(next_look - now)) is None:
            now = time.monotonic()
            if self.watcher.look(now - self.started) or self._over_time(now) or self._stopped(now):
                return self.child.kill()
            next_look = max(next_look + period, now)
            now = time.monotonic()
        return returncode

    def _over_time(self, now: float) -> bool:
        self.timed_out = not self.interrupted and now > self.deadline
        return self.timed_out

    def _stopped(self, now: float) -> bool:
        """Pass a request on; True when it has to end at once."""
        stop = self.watch.stop
        if stop is None or not stop.requested:
            return False
        if not self.interrupted:
            self.interrupted = True
            self.grace_ends = now + self.watch.grace_s
            self.child.terminate()
        return stop.immediate or now > self.grace_ends


def _memory_back(watch: Watch, peak_bytes: int) -> float | None:
    """Seconds until all but 64 MiB or 2 % of the peak is free again; a driver frees a dead process's memory late.

    On a GPU `used_bytes` is what was available before the launch minus what is available now; a neighbour that is known
    to have grown is left out of it.
    """
    started = time.monotonic()
    while (waited := time.monotonic() - started) < watch.memory_back_s:
        if _is_back(watch.probe, peak_bytes):
            return waited
        time.sleep(_BACK_POLL_SECONDS)
    return None


def _is_back(probe: MemoryProbe, peak_bytes: int) -> bool:
    try:
        return probe.sample().used_bytes <= max(_BACK_BYTES, peak_bytes // _BACK_SHARE)
    except UnreadableError:
        return False
