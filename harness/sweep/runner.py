"""One trial process from start to end: launched, watched, its stream forwarded to MLflow and the screen."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass

from harness.console.text import gib
from harness.console.view import TrialProgress
from harness.core.admission import Budget
from harness.core.errors import ExitCode, HarnessError
from harness.core.watchdog import MemorySample
from harness.guard.supervise import Ended, Launch, Watch, supervise
from harness.guard.waiting import wait_until_free
from harness.sweep.workplace import Workplace
from harness.trial.events import Event, EventReader
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


def run_child(work: Workplace, spec: TrialSpec, run_id: str, needed_bytes: int) -> ChildRun:
    """Run one trial process in its folder.

    Args:
        work: The sweep.
        spec: What the process does; its name is the label on the screen and the folder's name.
        run_id: MLflow run that its stream is forwarded to.
        needed_bytes: Its predicted peak; 0 where none is predicted. It is not started while less is free.

    Raises:
        DeviceLostError: the device stopped answering; the process has been ended.
        HarnessError: NO_MEMORY when so much did not come free within `guard.wait_s`.
    """
    folder = work.paths.trial_dir(work.ledger.name, spec.name)
    for stale in (folder.result_file, folder.events_file, folder.suites_file, folder.scores_file):
        stale.unlink(missing_ok=True)
    folder.write_spec(spec)
    forward = Forwarder(work, spec.name, run_id, folder)
    launch = Launch(
        argv=(sys.executable, "-m", "harness.trial", str(folder.path)),
        log_file=folder.log_file,
        env=child_environ(work.environ),
        cwd=None,
        timeout_s=work.config.study.trial_timeout_s,
    )
    budget = _allowed_now(work, spec.name, needed_bytes)
    watch = Watch(
        work.materials.probe, budget, work.config.guard.poll_hz, forward.polled, work.stop, pace=lambda: forward.tokens_per_s
    )
    started_at = time.time()
    ended = supervise(launch, watch)
    forward.drain()
    return ChildRun(folder, started_at, budget, ended, folder.read_result())


def _allowed_now(work: Workplace, label: str, needed_bytes: int) -> Budget:
    """The budget, or what other processes have left of it; waits while that is less than is needed."""
    budget, probe, guard = work.materials.budget, work.materials.probe, work.config.guard

    said: list[int] = []

    def say(free_bytes: int) -> None:
        if not said:
            left = f"other processes have left {gib(free_bytes)} on {probe.device_name}"
            work.view.message(f"{label} waits for memory: it needs {gib(needed_bytes)}, {left}")
        said.append(free_bytes)

    if not wait_until_free(probe, min(needed_bytes, budget.bytes), guard.wait_s, work.stop, say) and not work.stop.requested:
        raise HarnessError(
            f"{probe.device_name} has no room for {label}",
            why=f"it needs about {gib(needed_bytes)}; for {guard.wait_s:g} s others have left {gib(probe.available())}",
            fix="end what fills the device, or raise guard.wait_s; the same command goes on",
            code=ExitCode.NO_MEMORY,
        )
    free = probe.available()
    if free >= budget.bytes or free <= 0:
        return budget
    return Budget(free, budget.of_total_bytes, f"what other processes have left of {budget.source}")


def child_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """What of the environment a trial process gets to see."""
    kept = {k: v for k, v in environ.items() if k in _PASSED_ON or k.startswith(_PASSED_ON_PREFIXES)}
    return {**kept, "TOKENIZERS_PARALLELISM": "false", "PYTHONUNBUFFERED": "1"}


class Forwarder:
    """Carries what a running trial streams to MLflow and to the screen, a few times a second."""

    def __init__(self, work: Workplace, label: str, run_id: str, folder: TrialDir) -> None:
        self._work = work
        self._label = label
        self._run_id = run_id
        self._reader = EventReader(folder.events_file)
        self._last = Event("load", 0, 0, 0.0)
        self._loss: float | None = None
        self.tokens_per_s: float | None = None
        self._phase_began = time.monotonic()
        self._next = 0.0

    def polled(self, sample: MemorySample) -> None:
        """Called on every look of the watchdog; does nothing most of the time."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + _FORWARD_SECONDS
        self.drain()
        self._work.view.trial_progress(
            TrialProgress(
                self._label,
                self._last.phase,
                self._last.step,
                self._last.total_steps,
                self._loss,
                sample.used_bytes,
                self._work.materials.budget.bytes,
                self._eta(now),
            )
        )

    def drain(self) -> None:
        """Forward whatever is new."""
        events = list(self._reader.new())
        for event in events:
            if event.phase != self._last.phase:
                self._phase_began = time.monotonic()
            self._last = event
            self._loss = event.metrics.get("loss", self._loss)
            self.tokens_per_s = event.metrics.get("tokens_per_s", self.tokens_per_s)
        self._work.tracker.log_events(self._run_id, events)

    def _eta(self, now: float) -> float | None:
        """Seconds until the phase ends, at its pace so far."""
        done, total = self._last.step, self._last.total_steps
        return (now - self._phase_began) / done * (total - done) if 0 < done < total else None
