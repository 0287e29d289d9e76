"""Starts the trainings of benchmarks/memory_gpu.py one ahead of the other and polls the device beneath each. No torch."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from memory_gpu_cases import Case

from harness.guard.child import Child, Launch
from harness.guard.probe import MemoryProbe
from harness.trial.spec import ModelSpec
from harness.trial.trial_dir import write_atomic

CHILD = Path(__file__).with_name("memory_gpu_child.py")
ROOT = CHILD.parents[1]
POLL_SECONDS = 0.01
RUN_SECONDS = 150.0
MAKE_SECONDS = 300.0
AHEAD = {"cuda": 2, "cpu": 1}
"""Processes that import while one is measured: a short training on a fast card takes less time than the imports."""
QUIET_BYTES = 64 << 20
BACK_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Run:
    """What one training took.

    Attributes:
        case: What was trained.
        status: ``ok``, ``out_of_memory`` or ``failed``.
        reason: Of an end that is not ``ok``.
        observed_bytes: Peak as the driver (on a CPU: the process tree's resident memory) shows it.
        reserved_bytes / allocated_bytes: torch's peaks, 0 on a CPU.
        seconds: Of the training alone.
        shift_bytes: How much less was free before it than before the first run: somebody else's memory, or a run's
            own that the baseline hides. Should be about 0.
    """

    case: Case
    status: str
    reason: str
    observed_bytes: int
    reserved_bytes: int
    allocated_bytes: int
    seconds: float
    shift_bytes: int


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A process that has imported, or will have, and knows nothing yet of what it is to do."""

    child: Child
    folder: Path


class Workshop:
    """Runs trainings over model folders. Close it: processes wait in it.

    Args:
        probe: Watches the device.
        folder: Scratch: models, and one folder a run, removed after it.
        device: ``cpu`` or ``cuda:0``.
    """

    def __init__(self, probe: MemoryProbe, folder: Path, device: str) -> None:
        self._probe = probe
        self._folder = folder
        self._device = device
        self._count = 0
        self._idle_bytes = probe.available()
        self._waiting: deque[_Waiting] = deque()

    def make_models(self, configs: Mapping[str, Mapping[str, Any]]) -> None:
        """Write a model folder for every config, in one child process.

        Raises:
            RuntimeError: with the end of its output.
        """
        asked = {"configs": configs, "device": self._device, "folder": str(self._folder)}
        made = self._start("make", json.dumps(asked))
        try:
            if made.child.wait(MAKE_SECONDS) != 0:
                raise RuntimeError(made.child.log_tail())
        finally:
            made.child.close()

    def train(self, case: Case, memory_fraction: float | None = None) -> Run:
        """Train in a process that was started a run or two ago, and start another.

        Args:
            case: What.
            memory_fraction: The allocator's cap as a share of the card; None for none.
        """
        while len(self._waiting) <= AHEAD[self._device.partition(":")[0]]:
            self._waiting.append(self._start("run"))
        now = self._waiting.popleft()
        try:
            return self._follow(case, now, self._question(case, memory_fraction))
        finally:
            now.child.close()
            shutil.rmtree(now.folder, ignore_errors=True)

    def close(self) -> None:
        """End the processes that still wait."""
        while self._waiting:
            self._waiting.pop().child.close()

    def _question(self, case: Case, memory_fraction: float | None) -> str:
        model = ModelSpec(
            path=str(self._folder / case.model),
            public_id=case.model,
            quantization=case.params.quantization.value,
            dtype="float32" if self._device == "cpu" else "auto",
            device=self._device,
            memory_fraction=memory_fraction,
        )
        asked = {"model": asdict(model), "params": case.params.to_dict(), "loss_path": case.workload.loss_path.value}
        return json.dumps(asked)

    def _start(self, what: str, question: str | None = None) -> _Waiting:
        self._count += 1
        folder = self._folder / f"run-{self._count}"
        folder.mkdir(parents=True)
        if question is not None:
            write_atomic(folder / "ask.json", question)
        argv = (sys.executable, str(CHILD), what, str(folder), self._device)
        child = Child(Launch(argv, folder / "log.txt", child_environ()))
        child.start()
        return _Waiting(child, folder)

    def _follow(self, case: Case, now: _Waiting, question: str) -> Run:
        """Let it go and poll until it is gone."""
        while not (now.folder / "imported").exists():
            if now.child.wait(POLL_SECONDS) is not None:
                return Run(case, "failed", now.child.log_tail()[-500:], 0, 0, 0, 0.0, 0)
        self._wait_until_quiet()
        shift = self._idle_bytes - self._probe.available()
        self._probe.watch(now.child.pid)
        write_atomic(now.folder / "ask.json", question)
        peak, end = 0, time.monotonic() + RUN_SECONDS
        while now.child.wait(POLL_SECONDS) is None:
            peak = max(peak, self._probe.sample().used_bytes)
            if time.monotonic() > end:
                now.child.kill()
                return Run(case, "failed", f"longer than {RUN_SECONDS:g} s", peak, 0, 0, 0.0, shift)
        return _read(case, now, (peak, shift))

    def _wait_until_quiet(self) -> None:
        """A driver frees a dead process's memory late; a host is never quiet."""
        end = time.monotonic() + BACK_SECONDS
        while self._device != "cpu" and self._idle_bytes - self._probe.available() > QUIET_BYTES and time.monotonic() < end:
            time.sleep(POLL_SECONDS)


def child_environ() -> dict[str, str]:
    """An environment in which `harness` can be imported from this checkout."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), os.environ.get("PYTHONPATH", "")))}


def _read(case: Case, now: _Waiting, seen: tuple[int, int]) -> Run:
    try:
        read = json.loads((now.folder / "result.json").read_text("utf-8"))
    except OSError:
        read = {"status": "failed", "reason": now.child.log_tail()[-500:]}
    sizes = (seen[0], read.get("reserved_bytes", 0), read.get("allocated_bytes", 0))
    return Run(case, read["status"], read.get("reason", ""), *sizes, read.get("seconds", 0.0), seen[1])
