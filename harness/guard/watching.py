"""Watching one thing that runs to its end: the loop of wait, look, decide, end, and its account.

Owns `Ended` and the loop. What a look brings is `harness.guard.watcher`'s, measuring a probe's; what runs is
`harness.guard.supervise`'s and `harness.guard.worker`'s.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from harness.core.curve import CurvePoint
from harness.core.watchdog import Kill
from harness.guard.probe import MemoryProbe, UnreadableError
from harness.guard.watcher import StopSignal, Watch, Watcher

_BACK_BYTES = 64 << 20
_BACK_SHARE = 50
_BACK_POLL_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class Ended:
    """How a child, or a job of a worker, ended. Of a child nothing is alive any more.

    Attributes:
        returncode: Exit code, or minus the signal that ended it; 127 when the program could not be executed.
        duration_s: Wall seconds from start to the last process gone.
        peak_bytes: Largest `used_bytes` seen.
        killed: The watchdog's decision, or None.
        timed_out: Killed because its time was over.
        interrupted: Ended on request (`Watch.stop`, `Worker.cancel`).
        log_tail: Last lines of its output.
        memory_back_after_s: Seconds from its end until the device had its memory back; None when not within
            `Watch.memory_back_s`.
        curve: Its memory over time, at most 1000 points; the peak is always among them.
        killed_at_s: Seconds from the start to the watchdog's decision; None without one.
        blind: When and why it ran unwatched, in one sentence; None when it never did.
        notes: What the probe could not see, one sentence each.
        warm: Whether its process had done a job before.
        recycled: Why its process was ended behind the job; None where it waits for the next one, and for a child of its own.
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
    warm: bool = False
    recycled: str | None = None


class Waited(Protocol):
    """What is waited for under watch: a child, or a worker's answer."""

    def wait(self, timeout_s: float) -> int | None:
        """The exit code once it has ended; None when time ran out, or earlier."""
        ...

    def terminate(self) -> None:
        """SIGTERM."""
        ...

    def kill(self) -> int:
        """SIGKILL to everything below; the exit code."""
        ...


class Run:
    """One child or job from now until it has ended.

    Args:
        waited: It.
        watcher: Looks at it.
        timeout_s: Seconds after which it is killed; None for no limit.
        stops: Requests to end it.

    Attributes:
        timed_out: Killed because its time was over.
        interrupted: Asked to end.
        duration_s: Wall seconds from now to its end.
    """

    def __init__(self, waited: Waited, watcher: Watcher, timeout_s: float | None, stops: Sequence[StopSignal]) -> None:
        self.child = waited
        self.watch = watcher.watch
        self.watcher = watcher
        self.stops = stops
        self.started = time.monotonic()
        self.deadline = float("inf") if timeout_s is None else self.started + timeout_s
        self.grace_ends = float("inf")
        self.duration_s = 0.0
        self.timed_out = False
        self.interrupted = False

    def follow(self) -> int:
        """Poll until it has ended; returns its exit code."""
        period = 1.0 / self.watch.poll_hz
        now = next_look = time.monotonic()
        while (returncode := self.child.wait(next_look - now)) is None:
            now = time.monotonic()
            if self.watcher.look(now - self.started) or self._over_time(now) or self._stopped(now):
                returncode = self.child.kill()
                break
            next_look = max(next_look + period, now)
            now = time.monotonic()
        self.duration_s = time.monotonic() - self.started
        return returncode

    def ended(self, returncode: int, log_tail: str, memory_back_after_s: float | None) -> Ended:
        """The account of it.

        Args:
            returncode: What `follow` returned.
            log_tail: Last lines of its output.
            memory_back_after_s: As in `Ended`.
        """
        seen = self.watcher
        return Ended(
            returncode,
            self.duration_s,
            seen.peak_bytes,
            seen.killed,
            self.timed_out,
            self.interrupted,
            log_tail,
            memory_back_after_s,
            seen.curve(),
            seen.killed_at_s,
            seen.blind,
            self.watch.probe.notes,
        )

    def _over_time(self, now: float) -> bool:
        self.timed_out = not self.interrupted and now > self.deadline
        return self.timed_out

    def _stopped(self, now: float) -> bool:
        """Pass a request on; True when it has to end at once."""
        if not any(stop.requested for stop in self.stops):
            return False
        if not self.interrupted:
            self.interrupted = True
            self.grace_ends = now + self.watch.grace_s
            self.child.terminate()
        return any(stop.immediate for stop in self.stops) or now > self.grace_ends


def memory_back(watch: Watch, peak_bytes: int) -> float | None:
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
