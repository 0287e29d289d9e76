"""One process from start to end: launched, watched, its stream forwarded to MLflow and the screen."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass

from harness.core.admission import Budget
from harness.core.sample import MemorySample
from harness.guard.probe import MemoryProbe
from harness.guard.supervise import Ended, Launch, Watch, supervise
from harness.sweep.progress import Followed, Follower
from harness.sweep.workplace import Workplace
from harness.trial.spec import TrialResult, TrialSpec
from harness.trial.trial_dir import TrialDir

_FORWARD_SECONDS = 0.25
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "XDG_CACHE_HOME", "USER", "LOGNAME")
_PASSED_ON_PREFIXES = ("CUDA_", "NVIDIA_", "HF_", "TRANSFORMERS_", "PYTORCH_", "TORCH_", "OMP_", "MKL_", "BNB_", "HARNESS_")


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
    """Run one process in its folder, in a cold process of its own.

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
    launch = Launch(
        argv=(sys.executable, "-m", "harness.trial", str(folder.path)),
        log_file=folder.log_file,
        env=child_environ(work.environ),
        cwd=None,
        timeout_s=work.config.study.trial_timeout_s,
    )
    budget = left_of(work.materials.budget, work.materials.probe)
    watch = Watch(work.materials.probe, budget, work.config.guard.poll_hz, Sparing(follower).polled, work.stop)
    started_at = time.time()
    ended = supervise(launch, watch)
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


def child_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """What of the environment a trial process gets to see."""
    kept = {k: v for k, v in environ.items() if k in _PASSED_ON or k.startswith(_PASSED_ON_PREFIXES)}
    return {**kept, "TOKENIZERS_PARALLELISM": "false", "PYTHONUNBUFFERED": "1"}
