"""One cold process outside of any sweep, watched like a trial: launched, held to a budget, and judged by how it ended."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from harness.core.admission import Budget, make_budget
from harness.core.errors import ExitCode, HarnessError
from harness.core.outcome import Ending
from harness.core.sample import MemorySample
from harness.guard.select import open_probe
from harness.guard.supervise import Launch, StopSignal, Watch, supervise
from harness.sweep.judge import judge, out_of_disk
from harness.sweep.trial_process import child_environ
from harness.trial.events import Event, EventReader
from harness.trial.spec import TrialResult
from harness.trial.trial_dir import TrialDir

SHARE_OF_FREE = 0.9


@dataclass(frozen=True, slots=True)
class Around:
    """What comes from the entry point: environment, the wish to stop, where progress is told, and what stays on the screen."""

    environ: Mapping[str, str]
    stop: StopSignal
    say: Callable[[str], None]
    tell: Callable[[str], None] = lambda _: None


@dataclass(frozen=True, slots=True)
class Job:
    """What the process does.

    Attributes:
        module: ``python -m`` of it.
        folder: Its only argument; it writes its result there.
        device: As `open_probe` takes it.
        what: In words, for a message: ``the adapter could not be trained again``.
        budget: The most it may take: bytes, or a share of what is free.
        smaller: What to do where the memory was too little.
    """

    module: str
    folder: TrialDir
    device: str
    what: str
    budget: str | float = SHARE_OF_FREE
    smaller: str = "end what fills the memory"


def free_budget(device: str, environ: Mapping[str, str], asked: str | float = SHARE_OF_FREE) -> Budget:
    """The most that a process may take on a device now.

    Raises:
        HarnessError: NO_MEMORY when nothing is free.
    """
    probe = open_probe(device, environ.get("CUDA_VISIBLE_DEVICES"))
    try:
        return make_budget(asked, probe.available(), probe.sample().total_bytes)
    except ValueError as error:
        fix = "end what fills the device"
        raise HarnessError(f"no memory on {probe.device_name}", why=str(error), fix=fix, code=ExitCode.NO_MEMORY) from error
    finally:
        probe.close()


def is_gpu(device: str, environ: Mapping[str, str]) -> bool:
    """Whether a device, as `open_probe` takes it, is a GPU."""
    with contextlib.closing(open_probe(device, environ.get("CUDA_VISIBLE_DEVICES"))) as probe:
        return probe.kind == "cuda"


def run_watched(job: Job, around: Around) -> TrialResult:
    """Run it to its end.

    Returns:
        What it wrote.

    Raises:
        HarnessError: NO_MEMORY, STORAGE where the disk is full, ENVIRONMENT where it failed otherwise, INTERRUPTED.
    """
    budget = free_budget(job.device, around.environ, job.budget)
    probe = open_probe(job.device, around.environ.get("CUDA_VISIBLE_DEVICES"))
    try:
        argv = (sys.executable, "-m", job.module, str(job.folder.path))
        launch = Launch(argv, job.folder.log_file, child_environ(around.environ), None, None)
        ended = supervise(launch, Watch(probe, budget, on_poll=_Progress(job.folder, around.say), stop=around.stop))
    finally:
        probe.close()
    result = job.folder.read_result()
    outcome = judge(ended, result, budget)
    if outcome.ending is Ending.COMPLETED and result is not None:
        return result
    if out_of_disk(outcome, 1 << 60):
        raise HarnessError(
            job.what, why=outcome.reason, fix="free some disk space, or name another folder", code=ExitCode.STORAGE
        )
    raise _failed(job, outcome.ending, outcome.reason)


def _failed(job: Job, ending: Ending, reason: str) -> HarnessError:
    if ending is Ending.INTERRUPTED:
        return HarnessError("interrupted", why="Ctrl-C", fix="run the same command again", code=ExitCode.INTERRUPTED)
    if ending is Ending.PRUNED_MEMORY:
        return HarnessError(job.what, why=reason, fix=job.smaller, code=ExitCode.NO_MEMORY)
    return HarnessError(job.what, why=reason, fix="run `harness doctor`", code=ExitCode.ENVIRONMENT)


class _Progress:
    """Says how far the process is, whenever that changes."""

    def __init__(self, folder: TrialDir, say: Callable[[str], None]) -> None:
        self._reader = EventReader(folder.events_file)
        self._say = say

    def __call__(self, sample: MemorySample) -> None:
        for event in self._reader.new():
            self._say(_words(event))


def _words(event: Event) -> str:
    return f"{event.phase}: {event.step} of {event.total_steps}" if event.total_steps else event.phase
