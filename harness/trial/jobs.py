"""``python -m harness.trial --jobs FD``: one trial after another in one process, the base kept loaded between them.

Owns the line of jobs (the other end, and the meaning of the answers, is `harness.guard.worker_process`'s) and what has to be
put right in the process behind a trial, so that the next one finds what a new process would. Refused is what only a new process
can do: another device or number of threads.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.trial.process import InterruptedTrialError, Interruption, hush, importing, prepare_environment
from harness.trial.spec import ChildEnding, TrialResult, TrialSpec
from harness.trial.trial_dir import TrialDir

if TYPE_CHECKING:
    from harness.trial.station import Station

_ENDS_PROCESS = {ChildEnding.OUT_OF_MEMORY: "memory ran out", ChildEnding.FAILED: "the trial failed"}


def serve(line: socket.socket, interruption: Interruption) -> None:
    """Do jobs until the end of file.

    Args:
        line: From the harness.
        interruption: State of SIGTERM, installed.
    """
    jobs = Jobs(interruption)
    with line, line.makefile("r", encoding="utf-8") as orders:
        for order in orders:
            answer = jobs.do(TrialDir(Path(json.loads(order)["folder"])))
            line.sendall(json.dumps(answer).encode() + b"\n")


class Jobs:
    """The process's side of its jobs.

    Args:
        interruption: State of SIGTERM.
    """

    def __init__(self, interruption: Interruption) -> None:
        self._interruption = interruption
        self._made_for: tuple[str, int] | None = None
        self._station: Station | None = None

    def do(self, folder: TrialDir) -> dict[str, Any]:
        """Run the trial of a folder and write its result; the answer."""
        with _output_to(folder.log_file):
            spec = folder.read_spec()
            made_for = (spec.model.device, spec.threads)
            if self._made_for not in (None, made_for):
                return {"done": False}
            if self._station is None:
                self._station = _open_station(spec)
                self._made_for = made_for
            result, interrupted = self._run(self._station, folder, spec)
            folder.write_result(result)
            held, grown = self._station.settle()
        return {
            "done": True,
            "interrupted": interrupted,
            "baseline_bytes": self._station.baseline_bytes,
            "held_bytes": held,
            **self._verdict(result, grown),
        }

    def _run(self, station: Station, folder: TrialDir, spec: TrialSpec) -> tuple[TrialResult, bool]:
        """The result, and whether a signal came for this trial."""
        try:
            self._interruption.begin_job()
            result = station.run(folder, spec, self._interruption)
            return result, self._interruption.end_job()
        except InterruptedTrialError:  # outside the trial's own border
            return TrialResult(ChildEnding.INTERRUPTED, "SIGTERM"), self._interruption.end_job()

    def _verdict(self, result: TrialResult, grown: str | None) -> dict[str, Any]:
        """Whether the harness should end this process, and why."""
        reason = _ENDS_PROCESS.get(result.ending) or grown
        if result.ending is ChildEnding.INTERRUPTED and not self._interruption.at_safe_point:
            reason = "the trial was broken off in the middle of a step"
        return {"recycle": reason is not None, "reason": reason or ""}


def _open_station(spec: TrialSpec) -> Station:
    prepare_environment(os.environ, spec.model.device, spec.threads)
    hush()
    with importing():
        from harness.trial.station import Station  # only now: the libraries read the environment when they are imported

    return Station()


@contextmanager
def _output_to(log_file: Path) -> Iterator[None]:
    """Have everything that is written meanwhile, by whatever library, at the end of a file."""
    sys.stdout.flush()
    sys.stderr.flush()
    log = os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.dup2(log, 1)
        os.dup2(log, 2)
    finally:
        os.close(log)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
