"""What a trial process does with a model, as far as memory is concerned. A value: no clock, no I/O.

Owns the settings beside `TrialParams` that decide the peak. How many bytes they make is `harness.core.memory`'s.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from harness.core.params import TrialParams


class LossPath(StrEnum):
    """How logits become a loss."""

    FUSED = "fused"  # TRL's language-model head in tiles of 4096 tokens x 32768 words, never the whole logits
    LOGITS = "logits"  # transformers' ForCausalLMLoss: fp32 logits of every position
    COMPLETION = "completion"  # fp32 logits of the labelled positions alone


PROMPTS_OF_A_PASS = 8
"""Reading prompts is bound by arithmetic from some hundred tokens on: more at once are not faster, only padded."""
ROOM = 64
"""Tokens that the buffers of keys and values grow by."""


@dataclass(frozen=True, slots=True)
class Writing:
    """The generation phase.

    Attributes:
        batch_size: Suites written together.
        prompt_tokens: Longest prompt.
        max_new_tokens: Per suite.
    """

    batch_size: int
    prompt_tokens: int
    max_new_tokens: int


@dataclass(frozen=True, slots=True)
class Workload:
    """Everything of a trial that decides its peak, the model and the device aside.

    Attributes:
        params: Effective settings.
        loss_path: How the loss is computed.
        completion_tokens: Most labelled tokens of one example; counts on the completion path alone.
        attn_implementation: transformers' name: ``sdpa`` or ``eager``.
        double_quant: nf4 with quantized constants.
        offloaded_layers: Decoder layers, counted from the last, whose frozen weights wait in host memory.
        writing: The generation phase; None where nothing is generated.
    """

    params: TrialParams
    loss_path: LossPath = LossPath.FUSED
    completion_tokens: int = 192
    attn_implementation: str = "sdpa"
    double_quant: bool = True
    offloaded_layers: int = 0
    writing: Writing | None = None

    @property
    def tokens(self) -> int:
        """Tokens of the largest micro-batch."""
        return self.params.per_device_train_batch_size * self.params.max_length

    def with_params(self, **changes: object) -> Workload:
        """The same with some of `params` changed."""
        return replace(self, params=replace(self.params, **changes))  # type: ignore[arg-type]
