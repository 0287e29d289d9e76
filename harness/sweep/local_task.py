"""One segment on a real trial process, as its thread carries it out. Touches no store and no screen.

Owns the wait for memory, the budget that is left, and the watch. The verdict is made in the main thread.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from harness.console.text import gib
from harness.core.admission import Budget
from harness.core.errors import ExitCode, HarnessError
from harness.core.sample import MemorySample
from harness.guard.probe import MemoryProbe
from harness.guard.waiting import wait_until_free
from harness.guard.watcher import StopSignal, Watch
from harness.guard.worker import Worker
from harness.sweep.crew import Segment
from harness.sweep.runner import ChildRun, left_of
from harness.trial.trial_dir import TrialDir


@dataclass(slots=True)
class Live:
    """A segment under way, between its thread and the main thread. Plain assignments only: both sides see whole values.

    Attributes:
        segment: What is done.
        folder: Where.
        device: Index of the device it is on.
        allowed: The most it may take there.
        stop: Ends this segment alone.
        stop_reason: Why it was ended from here; None when it was not.
        sample: The latest look at its memory.
        tokens_per_s: As the trial reported last; told to the watchdog.
        stalled: Why it was ended for its silence; None when it was not.
        waits: What it waits for, in words; None when it runs.
        started: Seconds, monotonic.
    """

    segment: Segment
    folder: TrialDir
    device: int
    allowed: Budget
    stop: StopSignal = field(default_factory=StopSignal)
    stop_reason: str | None = None
    stalled: str | None = None
    sample: MemorySample | None = None
    tokens_per_s: float | None = None
    waits: str | None = None
    started: float = field(default_factory=time.monotonic)


@dataclass(frozen=True, slots=True)
class Limits:
    """What the sweep file says about watching.

    Attributes:
        poll_hz: Looks a second.
        wait_s: Longest wait for memory that others hold.
        timeout_s: Longest run of one process; None for no limit.
    """

    poll_hz: float
    wait_s: float
    timeout_s: float | None


def carry_out(live: Live, worker: Worker, probe: MemoryProbe, limits: Limits) -> ChildRun:
    """Run a segment to its end.

    Raises:
        DeviceLostError: the device stopped answering; the process has been ended.
        HarnessError: NO_MEMORY when what it needs did not come free in time; the process cannot be started.
    """
    budget = _allowed(live, worker, probe, limits)
    watch = Watch(
        probe,
        budget,
        limits.poll_hz,
        on_poll=lambda sample: setattr(live, "sample", sample),
        stop=live.stop,
        pace=lambda: live.tokens_per_s,
    )
    started_at = time.time()
    ended = worker.run({"folder": str(live.folder.path)}, live.folder.log_file, watch, limits.timeout_s)
    return ChildRun(live.folder, started_at, budget, ended, live.folder.read_result())


def _allowed(live: Live, worker: Worker, probe: MemoryProbe, limits: Limits) -> Budget:
    """The budget, or what other processes have left of it; waits while that is less than is needed.

    A warm process holds its base already: what it needs beside that is not known, and nothing is waited for.
    """
    allowed, needed = live.allowed, live.segment.needed_bytes or 0
    if worker.alive:
        return allowed

    def say(free_bytes: int) -> None:
        left = f"other processes have left {gib(free_bytes)} on {probe.device_name}"
        live.waits = f"{live.segment.label} waits for memory: it needs {gib(needed)}, {left}"

    if not wait_until_free(probe, min(needed, allowed.bytes), limits.wait_s, live.stop, say) and not live.stop.requested:
        raise HarnessError(
            f"{probe.device_name} has no room for {live.segment.label}",
            why=f"it needs about {gib(needed)}; for {limits.wait_s:g} s others have left {gib(probe.available())}",
            fix="end what fills the device, or raise guard.wait_s; the same command goes on",
            code=ExitCode.NO_MEMORY,
        )
    live.waits = None
    return left_of(allowed, probe)
