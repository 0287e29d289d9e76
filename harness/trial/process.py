"""The child as an operating-system process: its quiet environment, its bond to the parent, and SIGTERM. Torch-free."""

from __future__ import annotations

import ctypes
import gc
import logging
import os
import signal
import sys
import warnings
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from types import FrameType

_PR_SET_PDEATHSIG = 1  # linux/prctl.h

QUIET = {
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_VERBOSITY": "error",
    "TRANSFORMERS_NO_ADVISORY_WARNINGS": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TQDM_DISABLE": "1",
    "BITSANDBYTES_NOWELCOME": "1",
    "TRL_EXPERIMENTAL_SILENCE": "1",
}
"""Read by the libraries when they are imported."""


class InterruptedTrialError(BaseException):
    """SIGTERM arrived. Not an `Exception`, so that no library's retry loop swallows it."""


class Interruption:
    """Turns SIGTERM into `InterruptedTrialError`, at once, or at the next safe point while `deferred`.

    Attributes:
        requested: True from the moment the signal came.
        at_safe_point: Whether the error was raised at a safe point, so that this process can go on with something else.
    """

    def __init__(self) -> None:
        self.requested = False
        self.at_safe_point = False
        self._deferred = False
        self._idle = False

    def install(self) -> None:
        """Take SIGTERM over; only the main thread can."""
        signal.signal(signal.SIGTERM, self._on_signal)

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Inside, a signal only sets `requested`; whoever is inside ends at a safe point. On leaving it is raised."""
        self._deferred = True
        try:
            yield
        finally:
            self._deferred = False
        if self.requested:
            self.at_safe_point = True
            raise InterruptedTrialError

    def begin_job(self) -> None:
        """From now on a signal ends the job.

        Raises:
            InterruptedTrialError: one has come already since the job before.
        """
        self._idle = self._deferred = self.at_safe_point = False
        if self.requested:
            self.at_safe_point = True
            raise InterruptedTrialError

    def end_job(self) -> bool:
        """From now on a signal is for the next job; whether one came for this one."""
        came, self.requested, self._idle = self.requested, False, True
        return came

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.requested = True
        if not self._deferred and not self._idle:
            raise InterruptedTrialError


def die_with_parent() -> None:
    """Have the kernel SIGKILL this process when its parent's thread ends; leave at once if that has happened already."""
    parent = os.getppid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(1)


def prepare_environment(environ: MutableMapping[str, str], device: str, threads: int) -> None:
    """Set what the libraries read at import.

    Args:
        environ: This process's environment.
        device: ``cuda:N`` leaves only that GPU visible: TRL refuses a process that sees several.
        threads: Of OpenMP; 0 leaves the choice to it.
    """
    environ.update(QUIET)
    # Threads that spin at a barrier take the core from the one they wait for: on 2 cores shared with another process,
    # generation took 27 s with spinning and 3 s without (measured under load; not compared on an idle machine).
    environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if threads:
        environ["OMP_NUM_THREADS"] = str(threads)
    kind, _, index = device.partition(":")
    if kind == "cuda" and index:
        visible = environ.get("CUDA_VISIBLE_DEVICES", "")
        environ["CUDA_VISIBLE_DEVICES"] = visible.split(",")[int(index)] if visible else index


@contextmanager
def importing() -> Iterator[None]:
    """Around imports of torch and what stands on it: a million objects stay, and looking for those that do not takes a second."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def hush() -> None:
    """Keep advice out of the log: bitsandbytes repeats one line per layer and step, thousands of times a trial."""
    warnings.simplefilter("ignore")
    for name in ("bitsandbytes", "transformers", "accelerate", "peft", "trl", "datasets", "torch.distributed"):
        logging.getLogger(name).setLevel(logging.ERROR)
