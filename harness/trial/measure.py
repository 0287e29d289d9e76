"""``python -m harness.trial.measure FOLDER``: what a device takes before and beside a model, seen from inside a process.

Owns the folder's protocol and the order of the two stages; torch-free until it runs, since the parent reads the file
names and records here. A stage writes ``STAGE.json`` (torch's own counters) and holds still until ``STAGE.go`` appears, so
that whoever stands outside can read the driver meanwhile. What the training of the second stage is, is
`harness.trial.short_training`'s.

Stages: ``ready`` after the imports of a trial and, on a GPU, one element and one bf16 product; ``trained`` after a training
of two layers, when the kernels of a real trial are loaded, too.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness.trial.process import die_with_parent, hush, prepare_environment
from harness.trial.trial_dir import write_atomic

STAGES = ("ready", "trained")
HOLD_SECONDS = 20.0
_POLL_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class MeasureAsk:
    """ask.json.

    Attributes:
        device: ``cpu`` or ``cuda:N``.
        compute_bytes: Of a weight that is not quantized: 2 or 4.
        config: The base model's config.json; None leaves the second stage out.
    """

    device: str
    compute_bytes: int
    config: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class StageFacts:
    """STAGE.json: torch's view of the device at that moment, all 0 on a CPU.

    Attributes:
        allocated_bytes: Live now; after ``ready`` that is the matrix library's workspace.
        reserved_bytes: Held now by the caching allocator.
        peak_allocated_bytes: Largest since the stage began.
        peak_reserved_bytes: Largest since the stage began.
        device_name: As torch names it.
        torch: torch's version, with the build.
    """

    allocated_bytes: int
    reserved_bytes: int
    peak_allocated_bytes: int
    peak_reserved_bytes: int
    device_name: str
    torch: str


def ask_file(folder: Path) -> Path:
    """What is asked, written by the parent."""
    return folder / "ask.json"


def stage_file(folder: Path, stage: str) -> Path:
    """What torch says at a stage; its presence is the word "ready"."""
    return folder / f"{stage}.json"


def go_file(folder: Path, stage: str) -> Path:
    """The parent's word that it has read the driver."""
    return folder / f"{stage}.go"


def write_ask(folder: Path, ask: MeasureAsk) -> None:
    """Write ask.json into an existing folder."""
    write_atomic(ask_file(folder), json.dumps(asdict(ask)))


def read_stage(folder: Path, stage: str) -> StageFacts | None:
    """What torch said at a stage; None when the child has not come to it."""
    path = stage_file(folder, stage)
    return StageFacts(**json.loads(path.read_text("utf-8"))) if path.exists() else None


def main(argv: Sequence[str]) -> int:
    """Go through the stages; an exception ends the process with its traceback in the log.

    Returns:
        0, or 2 for a wrong command line.
    """
    if len(argv) != 1:
        print("usage: python -m harness.trial.measure FOLDER", file=sys.stderr)
        return 2
    die_with_parent()
    folder = Path(argv[0])
    ask = MeasureAsk(**json.loads(ask_file(folder).read_text("utf-8")))
    prepare_environment(os.environ, ask.device, 0)
    hush()
    import harness.trial.run
    import harness.trial.tuned  # noqa: F401 - their imports are what is measured
    from harness.trial import short_training  # only now: the libraries read the environment when they are imported

    short_training.touch_libraries(ask.device, ask.compute_bytes)
    _hold(folder, "ready", short_training.counters())
    if ask.config is not None and ask.device != "cpu":
        short_training.reset_counters()
        short_training.train_two_layers(ask.config, ask.compute_bytes, folder)
        _hold(folder, "trained", short_training.counters())
    return 0


def _hold(folder: Path, stage: str, facts: StageFacts) -> None:
    """Say where we are and wait for the parent, not for ever."""
    write_atomic(stage_file(folder, stage), json.dumps(asdict(facts)))
    end = time.monotonic() + HOLD_SECONDS
    while not go_file(folder, stage).exists() and time.monotonic() < end:
        time.sleep(_POLL_SECONDS)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
