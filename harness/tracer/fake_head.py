"""TRL's fused language-model head as it runs on CUDA with Triton, and the two losses over plain logits.

Owns the memory of the loss. The fused head is TRL's own autograd function; what Triton does in registers is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn import functional
from trl.kernels import chunked_logprob
from trl.trainer import utils as trl_utils

OUTPUTS = ("log_probs", "entropy", "is_top1")
"""What TRL's SFTTrainer asks the head for."""


@contextmanager
def triton_memory() -> Iterator[None]:
    """Take away what TRL's fallback for devices without Triton allocates.

    Source: trl/kernels/chunked_logprob.py: `_forward_kernel` and `_backward_kernel` keep a tile's values in registers
    and write into existing tensors, `_addmm_fp32` adds in place with `out=`; their fallbacks make fp32 copies of a tile.
    """
    names = ("_forward_tile", "_backward_tile", "_addmm_fp32")
    originals = {name: getattr(chunked_logprob, name) for name in names}
    for name in names:
        setattr(chunked_logprob, name, _nothing)
    try:
        yield
    finally:
        for name, original in originals.items():
            setattr(chunked_logprob, name, original)


def fused_loss(model: Any, inputs: dict[str, torch.Tensor], labelled_only: bool) -> torch.Tensor:
    """The loss of a batch whose every position is labelled.

    Args:
        model: The causal language model, without PEFT around it.
        inputs: ``input_ids``, ``attention_mask`` and ``labels``, each of shape ``(batch, length)``.
        labelled_only: Whether TRL picks the labelled positions out, as it does with Triton, and copies them so.

    Source: trl/trainer/utils.py, `add_fused_lm_head`: `_fused_forward` with and without `compact`.
    """
    hidden = model.base_model(
        input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"], use_cache=False
    ).last_hidden_state[:, :-1]
    labels = inputs["labels"][:, 1:]
    where = _positions(labels)
    head = model.get_output_embeddings()
    outputs = chunked_logprob.ChunkedLogProbFunction.apply(
        hidden[where] if labelled_only else hidden.reshape(-1, hidden.size(-1)),
        head.weight,
        head.bias,
        labels[where] if labelled_only else labels.clamp(min=0).reshape(-1),
        1.0,
        trl_utils._CHUNKED_LOGPROB_CHUNK_SIZE,
        getattr(model.config.get_text_config(), "final_logit_softcapping", None),
        1.0,
        OUTPUTS,
    )
    ignored = torch.zeros_like(labels, dtype=torch.bool)
    shaped = [value.view(labels.shape).masked_fill(ignored, 0) for value in outputs if value is not None]
    return -shaped[0].sum() / labels.numel()


def logits_loss(forward: Callable[..., Any], inputs: dict[str, torch.Tensor]) -> torch.Tensor:
    """The model's own loss over whole logits, which live until it is returned.

    Source: transformers, trainer.py `compute_loss`.
    """
    output = forward(**inputs, use_cache=False)
    return output.loss


def completion_loss(forward: Callable[..., Any], inputs: dict[str, torch.Tensor], positions: int) -> torch.Tensor:
    """The loss over some positions of every row.

    Source: harness/trial/completion_trainer.py, `completion_loss`, with their number given.
    """
    kept = torch.arange(positions)
    targets = inputs["labels"][:, 1:][:, kept]
    output = forward(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"], use_cache=False, logits_to_keep=kept)
    total = functional.cross_entropy(output.logits.float().flatten(0, 1), targets.flatten(), ignore_index=-100, reduction="sum")
    return total / targets.numel()


def _positions(labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Where `mask.nonzero()` would point: every position."""
    rows = torch.arange(labels.shape[0]).repeat_interleave(labels.shape[1], output_size=labels.numel())
    return rows, torch.arange(labels.shape[1]).repeat(labels.shape[0])


def _nothing(*_: Any, **__: Any) -> None:
    """A kernel that allocates nothing."""
