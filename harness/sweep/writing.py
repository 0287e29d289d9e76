"""Has suites written outside of any sweep: one process with a finished adapter or an untuned base, watched like a trial."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evaluation import Suite
from harness.core.admission import make_budget
from harness.core.errors import ExitCode, HarnessError
from harness.core.outcome import Ending
from harness.core.records import Record
from harness.core.watchdog import MemorySample
from harness.data.models import ResolvedModel, resolve_model
from harness.files.adapter_files import ADAPTER_CONFIG
from harness.files.cache import default_cache_root
from harness.files.record_files import write_records
from harness.guard.select import open_probe
from harness.guard.supervise import Launch, StopSignal, Watch, supervise
from harness.sweep.judge import judge
from harness.sweep.materials import usable_device
from harness.sweep.runner import child_environ
from harness.trial.events import EventReader
from harness.trial.spec import GeneratedSuite, GenerateSpec, ModelSpec, TrialSpec, read_suites
from harness.trial.trial_dir import TrialDir

SHARE_OF_FREE = 0.9


@dataclass(frozen=True, slots=True)
class Writing:
    """What writes the suites, and how.

    Attributes:
        adapter: Folder of a finished adapter, or None for the untuned base.
        base: Base model; None takes the one that the adapter's configuration names.
        quantization: Of the base.
        batch_size: Suites written together.
        max_new_tokens: Per suite.
        samples: Suites per function: the first greedy, the others drawn.
        temperature / top_p: Of those that are drawn.
        until: Seconds since the epoch after which nothing more is written, or None.
        template: `Template.to_dict` of the prompt; empty is what the adapter was trained with, else the default template.
    """

    adapter: Path | None
    base: str | None
    quantization: str = "none"
    batch_size: int = 8
    max_new_tokens: int = 160
    samples: int = 1
    temperature: float = 1.0
    top_p: float = 1.0
    until: float | None = None
    template: Mapping[str, Any] = field(default_factory=dict)


Place = tuple[Path, Mapping[str, str], StopSignal]
"""A folder for the process, the environment, and the wish to stop."""


def write_suites(writing: Writing, records: Sequence[Record], place: Place, say: Callable[[str], None]) -> dict[str, Suite]:
    """Write one suite per function.

    Returns:
        Function id -> suite.

    Raises:
        HarnessError: as `written_by`.
    """
    return {suite.function_id: Suite(suite.function_id, suite.code) for suite in written_by(writing, records, place, say)}


def written_by(writing: Writing, records: Sequence[Record], place: Place, say: Callable[[str], None]) -> list[GeneratedSuite]:
    """Have a process of its own write, watched like a trial.

    Args:
        writing: What writes them.
        records: The functions.
        place: Where, and around it.
        say: Told what goes on, one line each.

    Returns:
        In order of the functions; `Writing.samples` of each function that was reached.

    Raises:
        HarnessError: BAD_INPUT for a broken adapter folder, ENVIRONMENT or NO_MEMORY when the process fails, INTERRUPTED.
    """
    path, environ, stop = place
    model = resolve_model(writing.base or base_of(writing.adapter), None, default_cache_root(environ), on_step=say)
    functions = path / "functions.jsonl"
    write_records(functions, records)
    folder = TrialDir(path / "process")
    probe = open_probe(usable_device("auto"), environ.get("CUDA_VISIBLE_DEVICES"))
    try:
        folder.write_spec(_spec(writing, model, functions, on_gpu=probe.kind == "cuda"))
        budget = make_budget(SHARE_OF_FREE, probe.available(), probe.sample().total_bytes)
        argv = (sys.executable, "-m", "harness.trial", str(folder.path))
        launch = Launch(argv, folder.log_file, child_environ(environ), None, None)
        ended = supervise(launch, Watch(probe, budget, on_poll=_Progress(folder, say), stop=stop))
    finally:
        probe.close()
    outcome = judge(ended, folder.read_result(), budget)
    if outcome.ending is not Ending.COMPLETED:
        raise _failed(outcome.ending, outcome.reason)
    return read_suites(folder.suites_file) if folder.suites_file.exists() else []


def base_of(adapter: Path | None) -> str:
    """The base model that an adapter names.

    Raises:
        HarnessError: BAD_INPUT when it names none.
    """
    why = "no base model was named"
    if adapter is not None:
        try:
            return str(json.loads((adapter / ADAPTER_CONFIG).read_text("utf-8"))["base_model_name_or_path"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            why = f"{adapter / ADAPTER_CONFIG}: {type(error).__name__}: {error}"
    raise HarnessError("the base model is not known", why=why, fix="name it with --base")


def _spec(writing: Writing, model: ResolvedModel, functions: Path, *, on_gpu: bool) -> TrialSpec:
    return TrialSpec(
        "evaluate",
        0,
        ModelSpec(
            path=model.path,
            public_id=model.public_id,
            revision=model.revision,
            quantization=writing.quantization,
            device="cuda:0" if on_gpu else "cpu",
        ),
        _generate_spec(writing, functions),
        adapter=None if writing.adapter is None else str(writing.adapter.absolute()),
    )


def _generate_spec(writing: Writing, functions: Path) -> GenerateSpec:
    same = ("batch_size", "max_new_tokens", "samples", "temperature", "top_p", "until", "template")
    return GenerateSpec(str(functions), **{name: getattr(writing, name) for name in same})


def _failed(ending: Ending, reason: str) -> HarnessError:
    if ending is Ending.INTERRUPTED:
        return HarnessError("interrupted", why="Ctrl-C", fix="run the same command again", code=ExitCode.INTERRUPTED)
    memory = ending is Ending.PRUNED_MEMORY
    smaller, other = "take a smaller --batch-size or another --quantization", "see the reason; --base names another base model"
    return HarnessError(
        "no suites could be written",
        why=reason,
        fix=smaller if memory else other,
        code=ExitCode.NO_MEMORY if memory else ExitCode.ENVIRONMENT,
    )


class _Progress:
    """Says how many suites are written, whenever that changes."""

    def __init__(self, folder: TrialDir, say: Callable[[str], None]) -> None:
        self._reader = EventReader(folder.events_file)
        self._say = say

    def __call__(self, sample: MemorySample) -> None:
        for event in self._reader.new():
            if event.phase == "generate":
                self._say(f"suites written: {event.step} of {event.total_steps}")
