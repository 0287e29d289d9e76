"""Owns the handle on one confined process that runs test files: its start, its questions and answers, its end."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from evaluation.bytecode import PACKAGE, boot, python
from evaluation.runner.tidy import empty
from evaluation.sandbox.launch import Fence, environment, plan

CHILD = Path(__file__).with_name("traced_child.py")
START_S = 60.0
MAX_ANSWER_BYTES = 8 << 20
_OFF = ("cacheprovider", "faulthandler", "junitxml", "stepwise", "unraisableexception", "threadexception")
_PYTEST = ("-q", "-c", os.devnull, "--assert=plain", "--continue-on-collection-errors", *(f"-pno:{off}" for off in _OFF))

# Path of a source file -> first line of a body, its last line, number of the function; sorted.
Places = Mapping[str, Sequence[tuple[int, int, int]]]


class TracerDiedError(Exception):
    """The process is gone, or does not answer; the message says what is known of it."""


@dataclass(frozen=True, slots=True)
class Job:
    """What every process of a harvest is told.

    Attributes:
        folder: Of the code base; readable, and the only one that is measured.
        roots: Folders for ``sys.path``, the first one is pytest's root.
        preload: Modules to import once, rather than anew for every file: installed packages only.
        places: Where the functions stand.
    """

    folder: Path
    roots: tuple[Path, ...]
    preload: tuple[str, ...]
    places: Places


class Tracer:
    """One process. It dies with the thread that started it.

    Args:
        job: What it is told.
        fence: What it stands behind; not bubblewrap, which only starts zygotes.
        bytecode: From `evaluation.bytecode.compiled`, or None where packages were compiled when they were installed.

    Raises:
        OSError: if Python cannot be started.
        TracerDiedError: if it does not get ready.
    """

    def __init__(self, job: Job, fence: Fence, bytecode: Path | None) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="harvest-", ignore_cleanup_errors=True)
        made = plan(fence, self._temporary.name, bytecode)
        made = replace(made, readable=(*made.readable, str(job.folder)))
        told = {
            "plan": asdict(made),
            "roots": [str(root) for root in job.roots],
            "preload": job.preload,
            "pytest": [*_PYTEST, f"--rootdir={job.roots[0]}", f"--confcutdir={job.roots[0]}", "--collect-in-virtualenv"],
            "include": [f"{job.folder}/*"],
        }
        program = boot("import runpy; runpy.run_path(sys.argv[2], run_name='__main__')")
        self._process = subprocess.Popen(
            [*python(bytecode), "-c", program, str(PACKAGE), str(CHILD), json.dumps(told)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(self._temporary.name, 0),
            cwd="/",
            start_new_session=True,
        )
        try:
            self.ask(job.places, START_S)
        except BaseException:
            self.end()
            raise

    def ask(self, question: Any, limit_s: float) -> dict[str, Any]:
        """Send one line, read one.

        Args:
            question: JSON-ready.
            limit_s: Seconds to wait.

        Raises:
            TracerDiedError: if no sensible answer comes in time.
        """
        assert self._process.stdin is not None  # noqa: S101 - for the type checker
        try:
            self._process.stdin.write(json.dumps(question).encode() + b"\n")
            self._process.stdin.flush()
            answer = json.loads(self._line(time.monotonic() + limit_s))
        except (OSError, ValueError, RecursionError) as error:
            raise TracerDiedError(self._why() or str(error)) from error
        if not isinstance(answer, dict):
            raise TracerDiedError("it answered nonsense")
        return answer

    def _line(self, deadline: float) -> bytes:
        assert self._process.stdout is not None  # noqa: S101 - for the type checker
        channel = self._process.stdout.fileno()
        found = bytearray()
        while not found.endswith(b"\n"):
            left = deadline - time.monotonic()
            if left <= 0 or len(found) > MAX_ANSWER_BYTES or not select.select([channel], [], [], left)[0]:
                raise OSError("no answer in time")
            chunk = os.read(channel, 1 << 20)
            if not chunk:
                raise OSError("it ended")
            found += chunk
        return bytes(found)

    def _why(self) -> str:
        """The last line it wrote before it ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0)
        if self._process.returncode is None or self._process.stderr is None:
            return ""
        os.set_blocking(self._process.stderr.fileno(), False)
        lines = (self._process.stderr.read() or b"").decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else f"exit status {self._process.returncode}"

    def kill(self) -> None:
        """Kill it with all it started: what it forks can start nothing, and dies with it. Whoever waits is told."""
        if self._process.returncode is None:  # else its number may be another's by now
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def end(self) -> None:
        """Kill it and clean up."""
        self.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        with contextlib.suppress(OSError):
            empty(self._temporary.name, unlock=True)
        self._temporary.cleanup()
