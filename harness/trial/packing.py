"""Several short examples in one row of max_length tokens, without one seeing another.

TRL packs (best fit, decreasing) and its collator restarts the positions; transformers makes a block-diagonal mask out of
restarting positions when it is given no attention mask. Not every model does, so here is owned the proof that this one does.

Measured on a CPU (benchmarks/packing.py): 2.7 HumanEval examples a row of 1024 and so fewer optimizer steps, but 0.87 times the
speed, since the masked attention runs over whole rows. What it saves on a GPU was not measured.
"""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from pathlib import Path
from typing import Any
from weakref import WeakSet

import torch
from datasets import Dataset
from trl import pack_dataset

from harness.core.errors import HarnessError
from harness.files.cache import published

_FILE = "packed.arrow"
_ROWS_AT_A_TIME = 4096
ATTENTION = frozenset({"sdpa", "eager"})
"""Implementations for which a row of restarting positions was compared with separate rows."""

_PROBE_LENGTHS = (24, 16)
_PROBE_WORDS = 1000  # token ids are drawn below it
_TOLERANCE = 1e-5
"""Of the change in logits when the neighbour is swapped, in their standard deviations. Measured on SmolLM2-135M, CPU, sdpa and
eager: exactly 0 in fp32, bf16, int8 and nf4 where nothing leaks (the same numbers go through the same kernels), 1.2 and more
where everything does, 2e-3 where an untrained short convolution does."""

_TOLERANCE_ALONE = 1e-3
"""Of the change when there is no neighbour; fp32 alone, 1e-5 measured. Other sizes take other kernels: int8 changes by 0.66."""

_PROVEN: WeakSet[Any] = WeakSet()


def packed(rows: Any, key: str, max_length: int, cache: Path) -> Any:
    """The rows packed, made now unless they are there.

    Args:
        rows: `datasets.Dataset` with ``input_ids`` and ``labels``, none longer than `max_length`.
        key: What the rows are, for the cache.
        max_length: Tokens of a packed row, at most.
        cache: Folder of kept ones.

    Returns:
        A memory-mapped `datasets.Dataset` with ``seq_lengths`` beside these two.
    """
    name = hashlib.sha256(f"packed {key} {max_length} {version('trl')}".encode()).hexdigest()[:40]

    def build(folder: Path) -> None:
        how = {"cache_file_name": str(folder / _FILE), "batch_size": _ROWS_AT_A_TIME}
        pack_dataset(rows.select_columns(["input_ids", "labels"]), max_length, strategy="bfd", map_kwargs=how)

    return Dataset.from_file(str(published(cache, name, build) / _FILE))


def require_isolation(model: Any, *, exact: bool) -> None:
    """Prove that examples in one row do not see each other: swap the first of two, and look at the second one's logits.

    Once for a loaded base: what attends to what is decided by its code, not by an adapter.

    Args:
        model: The model that is going to be trained.
        exact: True for fp32 weights that are not quantized: then the second one must also be what it is alone.

    Raises:
        HarnessError: if they do, or if the attention implementation was never tried.
    """
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    if base in _PROVEN:
        return
    attention = getattr(model.config.get_text_config(), "_attn_implementation", None)
    if attention not in ATTENTION:
        raise _refused(f"attn_implementation={attention} was not compared; allowed: {', '.join(sorted(ATTENTION))}")
    try:
        swapped, alone = _changes(model)
    except TypeError as error:
        raise _refused(f"the model takes no position_ids: {error}") from error
    if not swapped <= _TOLERANCE:
        raise _refused(f"in one row an example changes the logits of the next one by {swapped:.2g} standard deviations")
    if exact and not alone <= _TOLERANCE_ALONE:
        raise _refused(f"behind another example the logits differ by {alone:.2g} standard deviations from those alone")
    _PROVEN.add(base)


def _changes(model: Any) -> tuple[float, float]:
    """By how much the second example's logits change with another neighbour, and with none."""
    first, second = _PROBE_LENGTHS
    words = min(_PROBE_WORDS, model.config.get_text_config().vocab_size)
    rows = torch.randint(words // 4, words, (2, first + second), generator=torch.Generator().manual_seed(0))
    rows[1, first:] = rows[0, first:]
    positions = torch.cat([torch.arange(first), torch.arange(second)]).expand(2, -1).to(model.device)
    training = model.training
    model.eval()
    try:
        with torch.no_grad():
            # Both rows in both calls: int8 looks at all tokens of a call before it rounds.
            one, other = (
                model(input_ids=batch.to(model.device), position_ids=positions, use_cache=False).logits[0, first:].float()
                for batch in (rows, rows.flip(0))
            )
            alone = model(input_ids=rows[:1, first:].to(model.device), use_cache=False).logits[0].float()
    finally:
        model.train(training)
    return _worst(one, other), _worst(one, alone)


def _worst(one: Any, other: Any) -> float:
    """Of all tokens: a convolution reaches no further than the first few."""
    return float((one - other).square().mean(-1).sqrt().max() / one.std().clamp(min=1e-9))


def _refused(why: str) -> HarnessError:
    return HarnessError("examples of this model cannot be packed", why=why, fix="set training.packing to false")
