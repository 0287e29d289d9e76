"""One process from start to end: launched, watched, its stream forwarded to MLflow and the screen."""

from __future__ import annotations

import time
from dataclasses import dataclass

from harness.core.admission import Budget
from harness.core.sample import MemorySample
from harness.guard.probe import MemoryProbe
from harness.guard.watcher import Watch
from harness.guard.watching import Ended
from harness.sweep.progress import Followed, Follower
from harness.sweep.workplace import Workplace
from harness.trial.spec import TrialResult, TrialSpec
from harness.trial.trial_dir import TrialDir

_FORWARD_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class ChildRun:
    """A trial process that has ended.

    Attributes:
        folder: Its folder.
        started_at: Seconds since the epoch.
        allowed: The budget it ran under.
        ended: What the supervisor saw.
        result: What it wrote; None when it did not live to write anything.
    """

    folder: TrialDir
    started_at: float
    allowed: Budget
    ended: Ended
    result: TrialResult | None


def run_child(work: Workplace, spec: TrialSpec, run_id: str) -> ChildRun:
    """Do one job in its folder, in the process beside the trials, which keeps its base for the next one.

    Args:
        work: The sweep.
        spec: What the process does; its name is the label on the screen and the folder's name.
        run_id: MLflow run that its stream is forwarded to.

    Raises:
        DeviceLostError: the device stopped answering; the process has been ended.
    """
    folder = work.paths.trial_dir(work.ledger.name, spec.name)
    clear_results(folder, keep_events=False)
    folder.write_spec(spec)
    follower = Follower(work, Followed(spec.name, run_id, folder))
    probe, budget = work.materials.probe, work.materials.budget
    if not work.beside.alive:  # a living process holds its base already
        budget = left_of(budget, probe)
    watch = Watch(probe, budget, work.config.guard.poll_hz, Sparing(follower).polled, work.stop)
    started_at = time.time()
    ended = work.beside.run({"folder": str(folder.path)}, folder.log_file, watch, work.config.study.trial_timeout_s)
    if not work.config.workers.warm:
        work.beside.recycle()
    follower.follow(None)
    return ChildRun(folder, started_at, budget, ended, folder.read_result())


class Sparing:
    """Follows a process a few times a second, however often it is looked at.

    Args:
        follower: Told what is new.
    """

    def __init__(self, follower: Follower) -> None:
        self._follower = follower
        self._next = 0.0

    def polled(self, sample: MemorySample) -> None:
        """Called on every look of the watchdog; does nothing most of the time."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _FORWARD_SECONDS
            self._follower.follow(sample)


def left_of(budget: Budget, probe: MemoryProbe) -> Budget:
    """The budget, or what other processes have left of it."""
    free = probe.available()
    if free >= budget.bytes or free <= 0:
        return budget
    return Budget(free, budget.of_total_bytes, f"what other processes have left of {budget.source}")


def clear_results(folder: TrialDir, *, keep_events: bool) -> None:
    """Remove what an earlier process left in a trial's folder; its checkpoints stay."""
    stale = (folder.result_file, folder.suites_file, folder.scores_file)
    for path in stale if keep_events else (*stale, folder.events_file):
        path.unlink(missing_ok=True)
