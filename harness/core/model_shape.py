"""The sizes of a decoder model that memory depends on, read from its config.json. No I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

QK_NORM_TYPES = frozenset({"qwen3", "gemma3", "gemma3_text", "olmo2"})
"""Model types whose queries and keys pass a norm of their own."""
_EXPERT_FIELDS = ("num_experts", "num_local_experts", "n_routed_experts")


@dataclass(frozen=True, slots=True)
class Linear:
    """One linear layer of a block; layers of the same `reads` share one input tensor."""

    name: str
    reads: str
    in_features: int
    out_features: int


@dataclass(frozen=True, slots=True)
class ModelShape:
    """Sizes of a dense decoder; field names are those of config.json."""

    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    vocab_size: int
    tie_word_embeddings: bool
    has_qk_norm: bool
    model_type: str

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> ModelShape:
        """Read a config.json; the text part of a multimodal one.

        `num_key_value_heads` and `head_dim` have transformers' own defaults. A missing `tie_word_embeddings` counts
        as untied: the estimate then errs on the safe side.

        Raises:
            ValueError: naming the field that is missing or unusable, or that makes the model a mixture of experts.
        """
        text: Mapping[str, Any] = {**config, **config.get("text_config", {})}
        for field in _EXPERT_FIELDS:
            if text.get(field):
                msg = f"config field {field!r}: mixtures of experts are not estimated"
                raise ValueError(msg)
        hidden, heads = _positive(text, "hidden_size"), _positive(text, "num_attention_heads")
        model_type = str(text.get("model_type", ""))
        return cls(
            hidden_size=hidden,
            intermediate_size=_positive(text, "intermediate_size"),
            num_hidden_layers=_positive(text, "num_hidden_layers"),
            num_attention_heads=heads,
            num_key_value_heads=_positive(text, "num_key_value_heads", heads),
            head_dim=_positive(text, "head_dim", hidden // heads),
            vocab_size=_positive(text, "vocab_size"),
            tie_word_embeddings=bool(text.get("tie_word_embeddings", False)),
            has_qk_norm=model_type in QK_NORM_TYPES,
            model_type=model_type,
        )

    @property
    def query_size(self) -> int:
        """Width of all queries together."""
        return self.num_attention_heads * self.head_dim

    @property
    def key_size(self) -> int:
        """Width of all keys (and of all values) together."""
        return self.num_key_value_heads * self.head_dim

    @property
    def linears(self) -> tuple[Linear, ...]:
        """The linear layers of one block."""
        h, i, q, kv = self.hidden_size, self.intermediate_size, self.query_size, self.key_size
        return (
            Linear("q_proj", "attention norm", h, q),
            Linear("k_proj", "attention norm", h, kv),
            Linear("v_proj", "attention norm", h, kv),
            Linear("o_proj", "attention", q, h),
            Linear("gate_proj", "mlp norm", h, i),
            Linear("up_proj", "mlp norm", h, i),
            Linear("down_proj", "product", i, h),
        )

    @property
    def linear_parameters(self) -> int:
        """Weights of all blocks' linear layers: what quantization shrinks."""
        return self.num_hidden_layers * sum(layer.in_features * layer.out_features for layer in self.linears)

    @property
    def other_parameters(self) -> int:
        """Embedding, head (once if tied) and norms: never quantized."""
        tables = self.vocab_size * self.hidden_size * (1 if self.tie_word_embeddings else 2)
        norms = 2 * self.hidden_size + (2 * self.head_dim if self.has_qk_norm else 0)
        return tables + self.num_hidden_layers * norms + self.hidden_size

    def targets(self, target_modules: str | tuple[str, ...]) -> tuple[Linear, ...]:
        """The linear layers of a block that get an adapter, as PEFT matches them.

        A text other than ``all-linear`` is a regular expression over whole module names, a tuple holds the ends of
        names. Where nothing known matches all layers count, so that an unusual name is not mistaken for no adapter.
        """
        if target_modules == "all-linear":
            return self.linears
        if isinstance(target_modules, str):
            chosen = tuple(layer for layer in self.linears if _matches(target_modules, layer.name))
        else:
            ends = {name.rpartition(".")[2] for name in target_modules}
            chosen = tuple(layer for layer in self.linears if layer.name in ends)
        return chosen or self.linears


def _matches(pattern: str, name: str) -> bool:
    return any(re.fullmatch(pattern, f"model.layers.0.{block}.{name}") for block in ("self_attn", "mlp"))


def _positive(config: Mapping[str, Any], field: str, default: int | None = None) -> int:
    value = config.get(field)
    if value is None:
        value = default
    if value is None:
        msg = f"config field {field!r} is missing"
        raise ValueError(msg)
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        msg = f"config field {field!r} must be a whole number above 0, not {value!r}"
        raise ValueError(msg)
    return value
