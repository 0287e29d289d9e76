"""Writes a test suite for each function, in batches of similar prompts.

Owns batches and latency; the prompts come from `harness.core.prompts` and so does the cut, the continuing is an engine's.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness.core.prompts import FENCE, cut_suite, prefill
from harness.core.records import Record
from harness.files.record_files import read_records
from harness.trial.drawing import row_seed
from harness.trial.encoding import prompt_ids
from harness.trial.engine import Decoding, Engine
from harness.trial.examples import Wording
from harness.trial.readings import give_back_memory
from harness.trial.spec import GeneratedSuite, GenerateSpec
from harness.trial.trial_dir import write_atomic


@dataclass(frozen=True, slots=True)
class Writer:
    """What writes.

    Attributes:
        engine: Continues prompts.
        tokenizer: Of its model.
        wording: How it is asked.
        seed: Of a trial whose single suites are drawn.
    """

    engine: Engine
    tokenizer: Any
    wording: Wording
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Prompt:
    """A function to write tests for, and the token ids that ask for them."""

    record: Record
    ids: list[int]


@dataclass(frozen=True, slots=True)
class Written:
    """Suites in the order of the functions file, and the seconds until each was there (from the beginning of its batch)."""

    suites: list[GeneratedSuite]
    latencies_s: list[float]
    runtime_s: float

    def metrics(self) -> dict[str, float]:
        """Scalars under the names of `TrialResult`; none where there was nothing to write."""
        if not self.suites:
            return {}
        ordered = sorted(self.latencies_s)
        return {
            "generate_runtime_s": self.runtime_s,
            "generate_tokens_per_s": sum(s.new_tokens for s in self.suites) / max(self.runtime_s, 1e-9),
            "generate_latency_p50_s": quantile(ordered, 0.5),
            "generate_latency_p95_s": quantile(ordered, 0.95),
            "truncated_suites": float(sum(s.truncated for s in self.suites)),
        }


def generate(writer: Writer, spec: GenerateSpec, report: Callable[[int, int], None]) -> Written:
    """Write a suite for every function of the file.

    Args:
        writer: What writes.
        spec: What to write for and how.
        report: Called after each batch with suites written and suites to write.

    Raises:
        HarnessError: if the model's chat template refuses the prompt.
        TooManyRowsError: if a batch does not fit.
    """
    prompts = build_prompts(writer.tokenizer, spec, writer.wording)
    if not prompts:  # a rung that is judged by the validation loss alone
        return Written([], [], 0.0)
    give_back_memory()  # of training
    started = time.monotonic()
    done: dict[int, tuple[GeneratedSuite, float]] = {}
    report(0, len(prompts))
    for indices in length_batches([len(p.ids) for p in prompts], spec.batch_size):
        batch = [prompts[i] for i in indices]
        seeds = [[row_seed(one.record, writer.seed) if spec.do_sample else None] for one in batch]
        answers = writer.engine.write([one.ids for one in batch], seeds, decoding(spec))
        for i, one, (row,) in zip(indices, batch, answers, strict=True):
            done[i] = (suite_of_row(writer.tokenizer, one.record, row.ids), row.seconds)
        give_back_memory()
        report(len(done), len(prompts))
    ordered = [done[i] for i in range(len(prompts))]
    return Written([s for s, _ in ordered], [t for _, t in ordered], time.monotonic() - started)


def decoding(spec: GenerateSpec) -> Decoding:
    """How the suites of a spec are continued."""
    return Decoding(spec.max_new_tokens, FENCE, spec.temperature, spec.top_p, spec.until)


def write_suites(path: Path, suites: Sequence[GeneratedSuite]) -> None:
    """Write suites.jsonl, whole or not at all."""
    write_atomic(path, "".join(json.dumps(asdict(suite)) + "\n" for suite in suites))


def build_prompts(tokenizer: Any, spec: GenerateSpec, wording: Wording) -> list[Prompt]:
    """One prompt a function, in file order.

    Raises:
        HarnessError: if the model's chat template refuses the prompt.
    """
    records = read_records(Path(spec.functions_file))
    return [Prompt(r, prompt_ids(tokenizer, wording.template, wording.chat(r), prefill(r))) for r in records]


def length_batches(lengths: Sequence[int], size: int) -> Iterator[list[int]]:
    """Indices in batches of similar length, so that little is padded."""
    order = sorted(range(len(lengths)), key=lambda i: lengths[i])
    for start in range(0, len(order), size):
        yield order[start : start + size]


def quantile(ordered: Sequence[float], share: float) -> float:
    """The value below which a share (0-1) of the sorted values lies, nearest rank; 0.0 of none."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def suite_of_row(tokenizer: Any, record: Record, ids: list[int], *, whole_tests: bool = True) -> GeneratedSuite:
    """Cut one row. Behind its end a row holds padding, which may be the end-of-sequence token itself."""
    ends = {tokenizer.eos_token_id, tokenizer.pad_token_id}
    end = next((i for i, token in enumerate(ids) if token in ends), len(ids))
    raw = tokenizer.decode(ids[:end], skip_special_tokens=True)
    new_tokens = min(end + 1, len(ids))
    cut = cut_suite(raw, record, finished=end < len(ids) and FENCE not in raw, whole_tests=whole_tests)
    return GeneratedSuite(record.id, cut.code, cut.truncated, prefill(record) + raw, new_tokens)
