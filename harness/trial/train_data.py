"""The data of one training: its tokenised files, one after the other, without what is excluded; and what became of it.

Owns the selection of rows and their counts. Tokens are made by `harness.trial.token_sets`, rows are packed by
`harness.trial.packing`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from datasets import concatenate_datasets

from harness.core.errors import HarnessError
from harness.trial.encoding import Limits
from harness.trial.examples import open_wording, read_ids
from harness.trial.packing import packed
from harness.trial.spec import TrainSpec
from harness.trial.token_sets import Encoder, token_key, token_set

_TRAINED_ON = ["input_ids", "labels", "length"]


@dataclass(frozen=True, slots=True)
class TrainData:
    """What a training reads.

    Attributes:
        train: `datasets.Dataset` of ``input_ids`` and ``labels``, with ``seq_lengths`` where rows are packed.
        validation: The same, never packed; None where no example fits: short functions are no reason to refuse a trial.
        metrics: Counts under the names of `TrialResult`.
    """

    train: Any
    validation: Any
    metrics: dict[str, float]


@dataclass(frozen=True, slots=True)
class _Chosen:
    """The usable rows of a split, and its counts."""

    rows: Any
    counts: dict[str, float]


def open_train_data(tokenizer: Any, spec: TrainSpec, cache: Path) -> TrainData:
    """Tokenise what is not tokenised yet, and open it.

    Args:
        tokenizer: The model's.
        spec: What to train on and how.
        cache: Folder of tokenised files.

    Raises:
        HarnessError: if no training example fits, no validation example although validation losses are asked for, or
            worked examples are missing.
    """
    started = time.monotonic()
    encoder = Encoder(tokenizer, open_wording(spec.template, spec.train_files, spec.exclude_file), Limits.of(spec))
    digest = encoder.digest
    excluded = read_ids(Path(spec.exclude_file) if spec.exclude_file else None)
    files = {token_key(path, digest): path for path in map(Path, spec.train_files)}  # the same content twice counts once
    train = _chosen([token_set(path, key, encoder, cache) for key, path in files.items()], excluded)
    if not len(train.rows):
        raise _nothing_fits("training", train.counts, spec)
    path = Path(spec.validation_file)
    validation = _chosen([token_set(path, token_key(path, digest), encoder, cache)], frozenset())
    if not len(validation.rows) and spec.eval_steps:
        raise _nothing_fits("validation", validation.counts, spec)
    rows = train.rows.select_columns(_TRAINED_ON)
    if spec.packing:
        rows = packed(rows, "|".join((*files, *sorted(excluded))), spec.params.max_length, cache)
    return TrainData(
        rows,
        validation.rows.select_columns(_TRAINED_ON) if len(validation.rows) else None,
        {
            **{f"train_{name}": value for name, value in train.counts.items()},
            **{f"validation_{name}": value for name, value in validation.counts.items() if name != "examples_excluded"},
            "train_sequences": float(len(rows)),
            "encode_runtime_s": time.monotonic() - started,
        },
    )


def _chosen(files: list[Any], excluded: frozenset[str]) -> _Chosen:
    """The rows with tokens that are not excluded. Only columns of numbers are read for that, and ids where needed."""
    rows = concatenate_datasets(files)
    length, tests, wanted, tokens = (_numbers(rows, name) for name in ("length", "tests", "wanted", "completion_tokens"))
    allowed = np.ones(len(rows), dtype=bool)
    if excluded:
        allowed = np.fromiter((name not in excluded for name in rows.data.column("id").to_pylist()), dtype=bool, count=len(rows))
    usable = allowed & (length > 0)
    counts = {
        "examples": float(usable.sum()),
        "examples_dropped": float((allowed & ~usable).sum()),
        "tests_dropped": float((wanted - tests)[allowed].sum()),
        "examples_excluded": float((~allowed).sum()),
        "completion_tokens": float(tokens[usable].sum()),
    }
    return _Chosen(rows if usable.all() else rows.select(np.flatnonzero(usable)), counts)


def _numbers(rows: Any, name: str) -> Any:
    return rows.data.column(name).to_numpy()


def _nothing_fits(split: str, counts: dict[str, float], spec: TrainSpec) -> HarnessError:
    """The error of a set without a single usable example."""
    excluded = f", {counts['examples_excluded']:.0f} excluded" if counts["examples_excluded"] else ""
    return HarnessError(
        f"no {split} example fits",
        why=f"{counts['examples_dropped']:.0f} records{excluded}, none within max_length={spec.params.max_length} tokens and "
        f"max_completion_tokens={spec.max_completion_tokens} with at least one oracle test",
        fix="raise max_length or max_completion_tokens, or use functions that have oracle tests"
        + (", or set eval_steps to 0" if split == "validation" else ""),
    )
