"""Has suites written outside of any sweep: one process with a finished adapter or an untuned base, watched like a trial."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from evaluation import Suite
from harness.core.errors import HarnessError
from harness.core.records import Record
from harness.data.models import ResolvedModel, resolve_model
from harness.files.adapter_files import ADAPTER_CONFIG
from harness.files.cache import default_cache_root
from harness.files.record_files import write_records
from harness.sweep.located import Located
from harness.sweep.materials import usable_device
from harness.sweep.traced import base_name
from harness.sweep.watched import Around, Job, is_gpu, run_watched
from harness.trial.spec import GeneratedSuite, GenerateSpec, ModelSpec, TrialSpec, read_suites
from harness.trial.trial_dir import TrialDir


@dataclass(frozen=True, slots=True)
class Writing:
    """What writes the suites, and how.

    Attributes:
        adapter: Folder of a finished adapter, or None for the untuned base.
        base: Base model; None takes the one that the adapter's configuration names.
        quantization: Of the base; None is as the adapter was trained over it, where that is known, else none.
        batch_size: Suites written together.
        max_new_tokens: Per suite.
        samples: Suites per function: the first greedy, the others drawn.
        temperature / top_p: Of those that are drawn.
        until: Seconds since the epoch after which nothing more is written, or None.
        template: `Template.to_dict` of the prompt; empty is what the adapter was trained with, else the default template.
        whole_tests: See `GenerateSpec`.
    """

    adapter: Path | None
    base: str | None
    quantization: str | None = None
    batch_size: int = 8
    max_new_tokens: int = 160
    samples: int = 1
    temperature: float = 1.0
    top_p: float = 1.0
    until: float | None = None
    template: Mapping[str, Any] = field(default_factory=dict)
    whole_tests: bool = True


def write_suites(writing: Writing, records: Sequence[Record], place: Path, around: Around) -> dict[str, Suite]:
    """Write one suite per function.

    Returns:
        Function id -> suite.

    Raises:
        HarnessError: as `written_by`.
    """
    return {suite.function_id: Suite(suite.function_id, suite.code) for suite in written_by(writing, records, place, around)}


def written_by(writing: Writing, records: Sequence[Record], place: Path, around: Around) -> list[GeneratedSuite]:
    """Have a process of its own write, watched like a trial.

    Args:
        writing: What writes them.
        records: The functions.
        place: A folder for the process.
        around: What comes from the entry point.

    Returns:
        In order of the functions; `Writing.samples` of each function that was reached.

    Raises:
        HarnessError: BAD_INPUT for a broken adapter folder, and as `run_watched`.
    """
    model = resolve_model(writing.base or base_of(writing.adapter), None, default_cache_root(around.environ), on_step=around.say)
    functions = place / "functions.jsonl"
    write_records(functions, records)
    folder, device = TrialDir(place / "process"), usable_device("auto")
    folder.write_spec(_spec(writing, model, functions, on_gpu=is_gpu(device, around.environ)))
    smaller = "take a smaller --batch-size or another --quantization"
    run_watched(Job("harness.trial", folder, device, "no suites could be written", smaller=smaller), around)
    return read_suites(folder.suites_file) if folder.suites_file.exists() else []


def with_adapter(writing: Writing, located: Located) -> Writing:
    """The adapter over the base that it was trained on, and as it was quantized, where nobody named others."""
    lineage, chosen = located.lineage, replace(writing, adapter=located.folder)
    if lineage is None:
        return chosen
    trained = str(lineage.settings.get("quantization", "none"))
    return replace(chosen, base=writing.base or base_name(lineage), quantization=writing.quantization or trained)


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
            quantization=writing.quantization or "none",
            device="cuda:0" if on_gpu else "cpu",
        ),
        _generate_spec(writing, functions),
        adapter=None if writing.adapter is None else str(writing.adapter.absolute()),
    )


def _generate_spec(writing: Writing, functions: Path) -> GenerateSpec:
    same = ("batch_size", "max_new_tokens", "samples", "temperature", "top_p", "until", "template", "whole_tests")
    return GenerateSpec(str(functions), **{name: getattr(writing, name) for name in same})
