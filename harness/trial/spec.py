"""The wire between the sweep (parent) and a trial process (child): trial.json in, result.json out.

Torch-free: both sides import it. `trial_dir` owns the file names.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from harness.core.params import TrialParams

SPEC_VERSION = 3


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """What to load.

    Attributes:
        path: Local folder, or a hub id.
        public_id: The id written into adapter_config.json and the model card instead of a local path.
        revision: Hub revision or None.
        quantization: ``none``, ``int8`` or ``nf4``; the same as `TrainSpec.params.quantization` where there is training.
        dtype: ``auto`` (bf16 where the device does it well, else fp16 on GPU / fp32), ``bfloat16``, ``float16``, ``float32``.
        device: ``cpu``, ``cuda`` or ``cuda:N``.
        device_map: None, or ``auto`` (accelerate places layers; CPU offload allowed).
        double_quant: bitsandbytes' `bnb_4bit_use_double_quant`.
        attn_implementation: transformers' name, e.g. ``sdpa``.
        memory_fraction: allocator cap handed to `torch.cuda.set_per_process_memory_fraction`, or None.
        offloaded_layers: Decoder layers, counted from the last, whose frozen weights wait in host memory; without
            quantization only.
    """

    path: str
    public_id: str
    revision: str | None = None
    quantization: str = "none"
    dtype: str = "auto"
    device: str = "cpu"
    device_map: str | None = None
    double_quant: bool = True
    attn_implementation: str = "sdpa"
    memory_fraction: float | None = None
    offloaded_layers: int = 0


@dataclass(frozen=True, slots=True)
class TrainSpec:
    """What to train on and how to keep it.

    Attributes:
        params: The trial's effective settings.
        train_files: Files of `Record`s, in order; one after the other they are the training set.
        validation_file: A file of `Record`s.
        logging_steps: Optimizer steps between two events.
        eval_steps: Optimizer steps between two validation losses; 0 measures it once, at the end.
        save_steps: Steps between checkpoints (the last 3 are kept); 0 keeps none.
        early_stopping_patience: Evaluations without improvement before training stops; 0 is off.
        max_tests_per_example: Oracle tests in one training answer, at most.
        max_completion_tokens: Tokens of one training answer, at most; whole tests are dropped to fit.
        loss_path: ``auto`` (``fused`` on a GPU, ``completion`` on a CPU), or a value of `harness.core.workload.LossPath`.
        exclude_file: Ids, one a line: never trained on, never a worked example; or None.
        template: `Template.to_dict` of the prompt; empty is the default template.
        packing: Several short examples in one sequence of `max_length` tokens.
        token_cache: Folder in which tokenised files are kept for the next trial; None keeps them in the trial's folder.
        start_adapter: Folder of a PEFT adapter to go on from; its rank, alpha and layers then stand above those of `params`.
        until: Share of the optimizer steps (`harness.core.rungs.steps_at`) after which training pauses, in (0, 1]; 1 trains to
            the end. Learning rates and data order are those of the whole training; the same folder with a greater share goes on.
    """

    params: TrialParams
    train_files: tuple[str, ...]
    validation_file: str
    logging_steps: int = 1
    eval_steps: int = 0
    save_steps: int = 0
    early_stopping_patience: int = 0
    max_tests_per_example: int = 5
    max_completion_tokens: int = 192
    loss_path: str = "auto"
    exclude_file: str | None = None
    template: Mapping[str, Any] = field(default_factory=dict)
    packing: bool = False
    token_cache: str | None = None
    start_adapter: str | None = None
    until: float = 1.0


@dataclass(frozen=True, slots=True)
class GenerateSpec:
    """What to write suites for.

    Attributes:
        functions_file: A file of `Record`s.
        shots: 0, or 1: one worked example stands before the question, whatever the template says.
        example_files: Files of `Record`s that the worked example is taken from: those that are trained on. Required where
            there is one.
        max_new_tokens: Per suite.
        batch_size: Suites generated together.
        do_sample / temperature / top_p: transformers' generation settings; greedy by default.
        exclude_file: Ids, one a line, that are never a worked example; or None.
        template: `Template.to_dict` of the prompt; empty is the default template.
        samples: Suites per function; with more than one the first is greedy, whatever `do_sample` says, and the others are
            drawn with seeds of their own: the same function gets the same suites whatever stands beside it.
        until: Seconds since the epoch after which no more is written; what is there by then counts. Only with `samples` > 1,
            or without `whole_tests`.
        whole_tests: Suites count up to their last whole test, and a batch that does not fit is an error: what a trial is judged
            by. Without it a suite counts as far as it goes, and batches are halved; so it is with `samples` > 1, too.
    """

    functions_file: str
    shots: int = 0
    example_files: tuple[str, ...] = ()
    max_new_tokens: int = 160
    batch_size: int = 8
    do_sample: bool = False
    temperature: float = 1.0
    top_p: float = 1.0
    exclude_file: str | None = None
    template: Mapping[str, Any] = field(default_factory=dict)
    samples: int = 1
    until: float | None = None
    whole_tests: bool = True


@dataclass(frozen=True, slots=True)
class TrialSpec:
    """Everything a trial process needs; written to trial.json.

    `train` None and `adapter` None measures the untuned base; `train` None with `adapter` (a folder)
    generates with a finished adapter.
    """

    name: str
    seed: int
    model: ModelSpec
    generate: GenerateSpec
    train: TrainSpec | None = None
    adapter: str | None = None
    threads: int = 0
    version: int = SPEC_VERSION

    def to_json(self) -> str:
        """The text of trial.json."""
        values = asdict(self)
        if self.train is not None:
            values["train"]["params"] = self.train.params.to_dict()
        return json.dumps(values, indent=1)

    @classmethod
    def from_json(cls, text: str) -> TrialSpec:
        """Inverse of `to_json`."""
        read = json.loads(text)
        train = read.pop("train")
        if train is not None:
            params, files = TrialParams.from_dict(train["params"]), tuple(train["train_files"])
            train = TrainSpec(**{**train, "params": params, "train_files": files})
        generate = GenerateSpec(**{**read["generate"], "example_files": tuple(read["generate"]["example_files"])})
        return cls(**{**read, "train": train, "model": ModelSpec(**read["model"]), "generate": generate})


class ChildEnding(StrEnum):
    """How the child itself says it ended. A child that was killed writes no result at all."""

    COMPLETED = "completed"
    OUT_OF_MEMORY = "out_of_memory"  # torch.OutOfMemoryError, MemoryError
    DIVERGED = "diverged"  # loss is NaN/inf, or exploded
    INTERRUPTED = "interrupted"  # SIGTERM
    FAILED = "failed"  # anything else: infrastructure


@dataclass(frozen=True, slots=True)
class TrialResult:
    """What the child reports; written to result.json in one atomic rename.

    Attributes:
        ending: See `ChildEnding`.
        reason: One line, never empty.
        metrics: Scalars: train_loss, eval_loss, train_runtime_s, train_tokens, train_tokens_per_s,
            generate_runtime_s, generate_tokens_per_s, generate_latency_p50_s, generate_latency_p95_s (seconds per
            suite), truncated_suites, peak_allocated_bytes, peak_reserved_bytes, peak_rss_bytes, trainable_parameters.
            steps (optimizer steps done), total_steps (of the whole training). Of a training that was paused, train_loss,
            train_tokens and train_runtime_s are those since its first step, whichever process did them; load_runtime_s, the
            peaks and all of generation are this process's.
            What became of the data: train_examples, train_examples_dropped (not even one test fits, or there is none),
            train_tests_dropped, train_examples_excluded, train_completion_tokens, train_sequences (rows after packing); the
            first three and completion_tokens of validation as well; encode_runtime_s.
        facts: Strings: versions of torch/transformers/peft/trl/bitsandbytes, dtype used, device name, adapter sha256,
            prompt_template (``name@version``) and prompt_template_digest, threads (torch's, on the CPU).
    """

    ending: ChildEnding
    reason: str
    metrics: Mapping[str, float] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        """The text of result.json."""
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str) -> TrialResult:
        """Inverse of `to_json`."""
        read: dict[str, Any] = json.loads(text)
        return cls(**{**read, "ending": ChildEnding(read["ending"])})


@dataclass(frozen=True, slots=True)
class GeneratedSuite:
    """One line of suites.jsonl.

    Attributes:
        function_id: The record's id.
        code: The whole suite, import prefix included, cut to the longest prefix of whole tests that parses.
        truncated: True when the model ran into `max_new_tokens` or the tail had to be cut away.
        raw: What the model wrote, uncut (prefill included).
        new_tokens: Tokens generated.
    """

    function_id: str
    code: str
    truncated: bool
    raw: str
    new_tokens: int


def read_suites(path: Path) -> list[GeneratedSuite]:
    """Read suites.jsonl."""
    return [GeneratedSuite(**json.loads(line)) for line in path.read_text("utf-8").splitlines() if line]
