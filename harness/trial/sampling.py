"""Writes several suites for each function with a loaded model: the first greedy, the others drawn.

A few functions at a time. Each prompt is read once: its rows go on from copies of the same keys and values. Every row draws from
random numbers of its own, so a function gets the same suites whatever is written beside it. Owns the grouping and the deadline;
padding and the cut are `harness.trial.generation`'s, the draw is `harness.trial.drawing`'s.
"""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import DynamicCache, LogitsProcessorList, StoppingCriteria, StoppingCriteriaList

from harness.trial.drawing import Drawn, Nucleus, row_seed
from harness.trial.examples import Wording
from harness.trial.generation import FenceStop, Prompt, Written, build_prompts, suite_of_row
from harness.trial.readings import give_back_memory
from harness.trial.roomy import roomy_cache
from harness.trial.spec import GeneratedSuite, GenerateSpec

Suites = list[GeneratedSuite]


@dataclass(frozen=True, slots=True)
class Writer:
    """What writes: a loaded model, its tokenizer (padding on the left), and how it is asked."""

    model: Any
    tokenizer: Any
    wording: Wording


class Deadline(StoppingCriteria):  # type: ignore[misc]
    """Ends every row once the time is up.

    Args:
        until: Seconds since the epoch, or None for never.
    """

    def __init__(self, until: float | None) -> None:
        self._until = until

    def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:
        """One boolean a row."""
        return torch.full((input_ids.shape[0],), self.reached, dtype=torch.bool, device=input_ids.device)

    @property
    def reached(self) -> bool:
        """Whether the time is up."""
        return self._until is not None and time.time() >= self._until


def write_samples(
    writer: Writer,
    spec: GenerateSpec,
    keep: Callable[[Sequence[GeneratedSuite]], None],
    report: Callable[[int, int], None],
) -> Written:
    """Write `spec.samples` suites for every function of the file, the shortest first, until the time is up.

    As many functions are written together as make `spec.batch_size` rows; half as many from where a device ran out of memory.

    Args:
        writer: The model.
        spec: What to write for and how.
        keep: Given the suites of a few functions as soon as they are written.
        report: Called after these with functions written and functions to write.

    Raises:
        HarnessError: if the model's chat template refuses the prompt.
        torch.OutOfMemoryError: if not even one suite fits.
    """
    prompts = sorted(build_prompts(writer.tokenizer, spec, writer.wording), key=lambda one: len(one.ids))
    deadline, started, rows = Deadline(spec.until), time.monotonic(), spec.batch_size
    suites: Suites = []
    latencies: list[float] = []
    done = 0
    report(0, len(prompts))
    while done < len(prompts) and not deadline.reached:
        together = prompts[done : done + max(1, rows // spec.samples)]
        begun = time.monotonic()
        found = _written(writer, together, spec, rows)
        give_back_memory()
        if found is None:
            rows = max(1, rows // 2)
            continue
        keep(found)
        suites += found
        latencies += [time.monotonic() - begun] * len(found)
        done += len(together)
        report(done, len(prompts))
    return Written(suites, latencies, time.monotonic() - started)


def append_suites(path: Path, suites: Sequence[GeneratedSuite]) -> None:
    """Add whole lines to a suites.jsonl."""
    with path.open("a", encoding="utf-8") as file:
        file.write("".join(json.dumps(asdict(suite)) + "\n" for suite in suites))


def _written(writer: Writer, prompts: Sequence[Prompt], spec: GenerateSpec, rows: int) -> Suites | None:
    """All suites of a few functions, function by function; None where the device has too little memory for so many rows."""
    try:
        read = _read(writer, prompts)
        each = max(1, rows // len(prompts))
        numbers = [range(first, min(first + each, spec.samples)) for first in range(0, spec.samples, each)]
        parts = [_drawn(writer, read, some, spec) for some in numbers]
    except torch.OutOfMemoryError:
        if rows == 1:
            raise
        return None
    return [suite for at in range(len(prompts)) for part in parts for suite in part[at]]


@dataclass(frozen=True, slots=True)
class _Read:
    """Prompts that the model has read.

    Attributes:
        prompts: The prompts.
        inputs: ``input_ids`` and ``attention_mask``, ``(prompts, tokens)``.
        cache: Keys and values of all of their tokens but the last, a row each.
    """

    prompts: Sequence[Prompt]
    inputs: dict[str, Any]
    cache: DynamicCache


def _read(writer: Writer, prompts: Sequence[Prompt]) -> _Read:
    padded = writer.tokenizer.pad({"input_ids": [one.ids for one in prompts]}, padding=True, return_tensors="pt")
    inputs = {name: padded[name].to(writer.model.device) for name in ("input_ids", "attention_mask")}
    cache = roomy_cache(writer.model.config)
    mask = inputs["attention_mask"][:, :-1]
    with torch.inference_mode():
        writer.model(
            input_ids=inputs["input_ids"][:, :-1],
            attention_mask=mask,
            position_ids=(mask.cumsum(-1) - 1).clamp(min=0),
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
    return _Read(prompts, inputs, cache)


def _drawn(writer: Writer, read: _Read, numbers: range, spec: GenerateSpec) -> list[Suites]:
    """The suites of these numbers, for each of the prompts."""
    cache = copy.deepcopy(read.cache)
    cache.batch_repeat_interleave(len(numbers))
    inputs = {name: value.repeat_interleave(len(numbers), dim=0) for name, value in read.inputs.items()}
    length = inputs["input_ids"].shape[1]
    seeds = [row_seed(one.record, number) if number else None for one in read.prompts for number in numbers]
    stops = [FenceStop(writer.tokenizer, length), Deadline(spec.until)]
    with torch.inference_mode():
        output = writer.model.generate(
            **inputs,
            past_key_values=cache,
            max_new_tokens=spec.max_new_tokens,
            do_sample=False,  # each row is left the one token that was drawn for it
            pad_token_id=writer.tokenizer.pad_token_id,
            stopping_criteria=StoppingCriteriaList(stops),
            logits_processor=LogitsProcessorList([Drawn(seeds, Nucleus(spec.temperature, spec.top_p))]),
        )
    ids = iter(output[:, length:].tolist())
    return [[suite_of_row(writer.tokenizer, one.record, next(ids), whole_tests=False) for _ in numbers] for one in read.prompts]
