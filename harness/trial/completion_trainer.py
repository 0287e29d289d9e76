"""TRL's SFTTrainer with the loss computed in the way that was asked for, and able to go on as if it had never stopped.

Whoever admitted the trial counted on that way. TRL's own needs Triton to be cheap: on a CPU it scores every position with the
language-model head, and its entropy beside, although only the completion counts: 1.35 s of 3.05 s in a step of 2 x 256 tokens
of SmolLM2-135M. Hence the completion path there.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from transformers import Trainer, TrainerState
from trl import SFTTrainer

from harness.core.workload import LossPath
from harness.trial.data_order import SeededOrder
from harness.trial.encoding import IGNORED_LABEL

AUTO = "auto"


class CompletionTrainer(SFTTrainer):  # type: ignore[misc]
    """SFTTrainer with a chosen loss.

    Args:
        *args: SFTTrainer's.
        loss_path: ``auto`` (`LossPath.FUSED` on a GPU, `LossPath.COMPLETION` on a CPU) or a value of `LossPath`.
        **kwargs: SFTTrainer's.

    Raises:
        ValueError: if there is no such path.
    """

    def __init__(self, *args: Any, loss_path: str = AUTO, **kwargs: Any) -> None:
        self._loss_path = None if loss_path == AUTO else LossPath(loss_path)
        super().__init__(*args, **kwargs)
        self._takes_positions = "position_ids" in inspect.signature(_innermost(self.model).forward).parameters

    def losses(self) -> dict[str, float]:
        """The losses of this training so far, in a form that `take_up_losses` reads."""
        return {"pending": float(self._tr_loss), "total": self._total_loss_scalar, "logged_at": self._globalstep_last_logged}

    def take_up_losses(self, losses: Mapping[str, float]) -> None:
        """Go on with those of a training that was paused: transformers would begin a new mean.

        Args:
            losses: From `losses`.
        """
        self._tr_loss += losses["pending"]
        self._total_loss_scalar = losses["total"]
        self._globalstep_last_logged = int(losses["logged_at"])
        self._initial_global_step = 0

    def load(self, checkpoint: Path) -> None:
        """Take up adapter and state of a checkpoint without training on."""
        self._load_from_checkpoint(str(checkpoint))
        self.state = TrainerState.load_from_json(str(checkpoint / "trainer_state.json"))

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        rows = self.train_dataset if train_dataset is None else train_dataset
        if self.args.train_sampling_strategy == "sequential":
            return super()._get_train_sampler(rows)
        by_length = self.args.train_sampling_strategy == "group_by_length" and "length" in rows.column_names
        group = self.args.train_batch_size * self.args.gradient_accumulation_steps
        return SeededOrder(len(rows), self.args.data_seed, list(rows["length"]) if by_length else None, group)

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """The loss of one micro-batch; the sum over its tokens divided by the tokens of the whole optimizer step."""
        inputs = without_mask(inputs) if self._takes_positions else inputs
        path = self._loss_path or (LossPath.COMPLETION if inputs["input_ids"].device.type == "cpu" else LossPath.FUSED)
        if path is LossPath.LOGITS:
            # SFTTrainer would ask the model for the fused head; its parent takes the model's own loss over whole logits.
            return Trainer.compute_loss(self, model, {**inputs, "use_cache": False}, return_outputs, num_items_in_batch)
        if path is LossPath.FUSED or return_outputs:
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        return completion_loss(model, inputs, num_items_in_batch)


def without_mask(inputs: dict[str, Any]) -> dict[str, Any]:
    """The batch with positions in place of its attention mask.

    TRL's collator pads on the right, where no token that counts looks, so the mask says nothing that causal attention does
    not, but it costs sdpa its causal kernel: 1 to 11 % of a step on the CPU (2 to 4 rows of 256 to 1024 tokens, six layers of
    SmolLM2-135M's shape), loss and gradients equal to 2e-7. Of packed rows it has to go: transformers keeps examples apart by
    their restarting positions only where there is none.
    """
    rest = {name: value for name, value in inputs.items() if name != "attention_mask"}
    ids = inputs["input_ids"]
    return {"position_ids": torch.arange(ids.shape[1], device=ids.device)[None], **rest}


def completion_loss(model: Any, inputs: dict[str, Any], num_items: Any = None) -> Any:
    """Cross-entropy in nats of the labelled tokens.

    Args:
        model: A causal language model that knows `logits_to_keep`.
        inputs: ``input_ids`` and ``labels``, each of shape ``(batch, length)``; ``attention_mask`` and ``position_ids`` where
            the model is to have them.
        num_items: What the sum is divided by; None for the labelled tokens of this batch.

    Source: transformers, loss/loss_utils.py, `ForCausalLMLoss`, over fewer positions.
    """
    targets = inputs["labels"][:, 1:]
    positions = (targets != IGNORED_LABEL).any(dim=0).nonzero().squeeze(1)
    kept = targets[:, positions]
    read = {name: inputs[name] for name in ("input_ids", "attention_mask", "position_ids") if name in inputs}
    output = model(**read, use_cache=False, logits_to_keep=positions)
    total = torch.nn.functional.cross_entropy(
        output.logits.float().flatten(0, 1), kept.flatten(), ignore_index=IGNORED_LABEL, reduction="sum"
    )
    return total / (num_items if num_items is not None else (kept != IGNORED_LABEL).sum().clamp(min=1))


def _innermost(model: Any) -> Any:
    return model.get_base_model() if hasattr(model, "get_base_model") else model
