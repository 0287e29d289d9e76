"""In which order a training sees its rows: decided by the seed and the epoch alone.

transformers draws the order by length from the global random state, which a training that goes on in the middle of an epoch
cannot have again; so it would see other rows than the uninterrupted one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch.utils.data import Sampler
from transformers.trainer_pt_utils import get_length_grouped_indices

_EPOCHS = 1 << 20  # fewer than these in any training: seeds of two trials never meet


class SeededOrder(Sampler):  # type: ignore[misc]
    """All rows of every epoch in an order of its own.

    Args:
        rows: How many there are.
        seed: Of the training.
        lengths: Tokens of each row, to put rows of similar length together, the longest first; None for any order.
        group: Rows of an optimizer step.
    """

    def __init__(self, rows: int, seed: int, lengths: Sequence[int] | None = None, group: int = 1) -> None:
        self._rows = rows
        self._seed = seed
        self._lengths = lengths
        self._group = group
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Turn to an epoch; called by the trainer."""
        self._epoch = epoch

    def __len__(self) -> int:
        return self._rows

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self._seed * _EPOCHS + self._epoch)
        if self._lengths is None:
            order: Any = torch.randperm(self._rows, generator=generator).tolist()
        else:
            order = get_length_grouped_indices(list(self._lengths), self._group, generator=generator)
        return iter(order)
