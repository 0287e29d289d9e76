"""Writes several suites for each function with a loaded model: the first greedy, the others drawn.

One function at a time, in the order of the file: what is written when the time is up is whole, and a function's suites do not
depend on the functions beside it. Owns seeds and the deadline; padding and the cut are `harness.trial.generation`'s.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import LogitsProcessor, LogitsProcessorList, StoppingCriteria, StoppingCriteriaList

from harness.core.records import Record
from harness.trial.examples import Wording
from harness.trial.generation import FenceStop, Prompt, Written, build_prompts, suite_of_row
from harness.trial.readings import give_back_memory
from harness.trial.spec import GeneratedSuite, GenerateSpec


@dataclass(frozen=True, slots=True)
class Writer:
    """What writes: a loaded model, its tokenizer (padding on the left), and how it is asked."""

    model: Any
    tokenizer: Any
    wording: Wording


class GreedyFirst(LogitsProcessor):  # type: ignore[misc]
    """Leaves the first row of a batch its likeliest token alone: drawn from, that is greedy writing."""

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """Scores, ``(rows, vocabulary)``."""
        only = torch.full_like(scores[0], float("-inf"))
        best = scores[0].argmax()
        only[best] = 0.0
        return torch.cat([only[None], scores[1:]])


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
    """Write `spec.samples` suites for every function of the file, until the time is up.

    Args:
        writer: The model.
        spec: What to write for and how.
        keep: Given the suites of each function as soon as they are written.
        report: Called after each function with functions written and functions to write.

    Raises:
        HarnessError: if the model's chat template refuses the prompt.
    """
    prompts = build_prompts(writer.tokenizer, spec, writer.wording)
    deadline = Deadline(spec.until)
    started = time.monotonic()
    suites: list[GeneratedSuite] = []
    latencies: list[float] = []
    report(0, len(prompts))
    for number, prompt in enumerate(prompts, 1):
        if deadline.reached:
            break
        begun = time.monotonic()
        found = [suite for first in range(0, spec.samples, spec.batch_size) for suite in _rows(writer, prompt, spec, first)]
        keep(found)
        suites += found
        latencies += [time.monotonic() - begun] * len(found)
        give_back_memory()
        report(number, len(prompts))
    return Written(suites, latencies, time.monotonic() - started)


def append_suites(path: Path, suites: Sequence[GeneratedSuite]) -> None:
    """Add whole lines to a suites.jsonl."""
    with path.open("a", encoding="utf-8") as file:
        file.write("".join(json.dumps(asdict(suite)) + "\n" for suite in suites))


def _rows(writer: Writer, prompt: Prompt, spec: GenerateSpec, first: int) -> list[GeneratedSuite]:
    """The suites from number `first` on, as many as are written together."""
    rows = min(spec.batch_size, spec.samples - first)
    torch.manual_seed(_seed(prompt.record, first))
    ids = torch.tensor([prompt.ids] * rows, device=writer.model.device)
    stops = [FenceStop(writer.tokenizer, len(prompt.ids)), Deadline(spec.until)]
    with torch.inference_mode():
        output = writer.model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=spec.max_new_tokens,
            do_sample=True,
            temperature=spec.temperature,
            top_p=spec.top_p,
            top_k=0,
            pad_token_id=writer.tokenizer.pad_token_id,
            stopping_criteria=StoppingCriteriaList(stops),
            logits_processor=LogitsProcessorList([GreedyFirst()] if first == 0 else []),
        )
    return [suite_of_row(writer.tokenizer, prompt.record, row, spec) for row in output[:, len(prompt.ids) :].tolist()]


def _seed(record: Record, first: int) -> int:
    """Of the function's own content."""
    return int(hashlib.sha256(f"{record.digest}:{record.entry_point}:{first}".encode()).hexdigest()[:8], 16)
