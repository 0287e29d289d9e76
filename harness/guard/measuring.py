"""Runs the measuring child and reads the driver (or the host's memory) while it holds still.

Owns when to look and what an answer is worth; `harness.trial.measure` is the child, `harness.guard.device_profile` makes
a profile of what was seen and remembers it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.core.errors import HarnessError
from harness.guard.probe import MemoryProbe, MemorySample
from harness.guard.supervise import Ended, Launch, Watch, supervise
from harness.trial.measure import STAGES, MeasureAsk, StageFacts, go_file, read_stage, stage_file, write_ask

_LOOKS = 4


@dataclass(frozen=True, slots=True)
class Look:
    """One stage from both sides.

    Attributes:
        used_bytes: What the probe saw.
        facts: What torch said.
    """

    used_bytes: int
    facts: StageFacts


@dataclass(frozen=True, slots=True)
class Seen:
    """What came of a measurement.

    Attributes:
        ready: The process before any model.
        trained: The same after two layers were trained; None when it did not get there.
        last_words: Why it ended where it did, in one line.
    """

    ready: Look
    trained: Look | None
    last_words: str


@dataclass(frozen=True, slots=True)
class MeasureRun:
    """How to run the child.

    Attributes:
        program: Its argv without the folder.
        environ: Its environment.
        timeout_s: Seconds until it is killed.
    """

    program: tuple[str, ...]
    environ: Mapping[str, str]
    timeout_s: float


@dataclass(slots=True)
class _Reader:
    """Takes a few looks a stage, then lets the child go on."""

    folder: Path
    looks: dict[str, list[int]] = field(default_factory=dict)

    def polled(self, sample: MemorySample) -> None:
        """Told every sample of the watchdog; the first one of a stage may be older than its word."""
        for stage in STAGES:
            if stage_file(self.folder, stage).exists() and not go_file(self.folder, stage).exists():
                seen = self.looks.setdefault(stage, [])
                seen.append(sample.used_bytes)
                if len(seen) > _LOOKS:
                    go_file(self.folder, stage).touch()

    def stage(self, name: str) -> Look | None:
        """What was seen of a stage that was looked at to the end."""
        facts, seen = read_stage(self.folder, name), self.looks.get(name, [])
        return Look(max(seen[1:]), facts) if facts is not None and len(seen) > _LOOKS else None


def look_at_child(probe: MemoryProbe, ask: MeasureAsk, run: MeasureRun) -> Seen:
    """Run the child to its end; it cannot outlive this process.

    Raises:
        HarnessError: when nothing was seen, or the device's memory moved for another reason.
    """
    with tempfile.TemporaryDirectory(prefix="harness-measure-") as name:
        folder = Path(name)
        write_ask(folder, ask)
        reader = _Reader(folder)
        launch = Launch((*run.program, name), folder / "log.txt", run.environ, None, run.timeout_s)
        ended = supervise(launch, Watch(probe, None, on_poll=reader.polled))
        ready, trained = reader.stage("ready"), reader.stage("trained")
    words = _last_words(ended, run.timeout_s)
    if ready is None:
        raise unbelieved(words)
    if probe.kind == "cuda" and ended.memory_back_after_s is None:
        raise unbelieved("the device's free memory moved meanwhile: another process uses the card")
    return Seen(ready, trained, words)


def unbelieved(why: str) -> HarnessError:
    """The error of a measurement that says nothing."""
    return HarnessError("the device could not be measured", why=why, fix="nothing: the assumed profile is used")


def _last_words(ended: Ended, timeout_s: float) -> str:
    if ended.timed_out:
        return f"the measuring process took longer than {timeout_s:g} s"
    lines = [line for line in ended.log_tail.splitlines() if line.strip()]
    return lines[-1].strip() if lines else f"the measuring process ended with code {ended.returncode}"
