"""The sizes of a decoder model that memory depends on, read from its config.json. No I/O.

Owns which architectures the closed formula knows and what their blocks consist of; bytes are `harness.core.memory`'s.
Source: transformers 5.23, models/{llama,mistral,qwen2,qwen3,gemma3,phi,phi3}/modeling_*.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.core.families import FAMILIES, Family

__all__ = ["QK_NORM_TYPES", "Linear", "ModelShape", "UnknownArchitectureError"]

QK_NORM_TYPES = frozenset(name for name, family in FAMILIES.items() if family.qk_norm)
"""Model types whose queries and keys pass a norm of their own."""
_EXPERT_FIELDS = ("num_experts", "num_local_experts", "n_routed_experts")
_OTHER_SENSES = ("vision_config", "audio_config")


class UnknownArchitectureError(ValueError):
    """The formula knows nothing of this architecture; a trace of the model itself can still answer."""


@dataclass(frozen=True, slots=True)
class Linear:
    """One linear layer of a block; layers of the same `reads` share one input tensor."""

    name: str
    reads: str
    in_features: int
    out_features: int
    bias: bool = False

    @property
    def weights(self) -> int:
        """Entries of the matrix: what quantization shrinks."""
        return self.in_features * self.out_features


@dataclass(frozen=True, slots=True)
class ModelShape:
    """Sizes of a dense decoder; field names are those of config.json.

    Attributes:
        rotary_dim: Width of a head's part that is rotated.
        sliding_window: Tokens that a sliding layer looks back; 0 without sliding layers.
        sliding_layers: How many layers slide.
        attention_bias: On the projections that the family leaves to the config.
    """

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
    rotary_dim: int = 0
    sliding_window: int = 0
    sliding_layers: int = 0
    attention_bias: bool = False
    mlp_bias: bool = False
    linears: tuple[Linear, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Derive the linear layers once; the formula asks for them often."""
        object.__setattr__(self, "linears", tuple(_linears(self)))

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> ModelShape:
        """Read a config.json; the text part of a nested one.

        `num_key_value_heads` and `head_dim` have transformers' own defaults, and so has a missing `tie_word_embeddings`.

        Raises:
            UnknownArchitectureError: if the formula does not know the model type, or the model sees or hears as well.
            ValueError: naming the field that is missing or unusable, or that makes the model a mixture of experts.
        """
        text: Mapping[str, Any] = {**config, **config.get("text_config", {})}
        for name in _EXPERT_FIELDS:
            if text.get(name):
                msg = f"config field {name!r}: mixtures of experts are not estimated"
                raise ValueError(msg)
        model_type = str(text.get("model_type", ""))
        family = _family(config, model_type)
        hidden, heads = _positive(text, "hidden_size"), _positive(text, "num_attention_heads")
        head_dim = _positive(text, "head_dim", family.head_dim or max(hidden // heads, 1))
        layers = _positive(text, "num_hidden_layers")
        window, sliding = family.sliding(text, layers)
        return cls(
            hidden_size=hidden,
            intermediate_size=_positive(text, "intermediate_size"),
            num_hidden_layers=layers,
            num_attention_heads=heads,
            num_key_value_heads=_positive(text, "num_key_value_heads", heads),
            head_dim=head_dim,
            vocab_size=_positive(text, "vocab_size"),
            tie_word_embeddings=bool(text.get("tie_word_embeddings", family.tied)),
            has_qk_norm=family.qk_norm,
            model_type=model_type,
            rotary_dim=int(head_dim * _rotary_share(text, family)),
            sliding_window=window,
            sliding_layers=sliding,
            attention_bias=bool(text.get("attention_bias", False)),
            mlp_bias=bool(text.get("mlp_bias", False)),
        )

    @property
    def family(self) -> Family:
        """What the blocks of this model type consist of."""
        return FAMILIES[self.model_type]

    @property
    def query_size(self) -> int:
        """Width of all queries together."""
        return self.num_attention_heads * self.head_dim

    @property
    def key_size(self) -> int:
        """Width of all keys (and of all values) together."""
        return self.num_key_value_heads * self.head_dim

    @property
    def linear_parameters(self) -> int:
        """Weights of all blocks' linear layers, without biases: what quantization shrinks."""
        return self.num_hidden_layers * sum(layer.weights for layer in self.linears)

    @property
    def other_parameters(self) -> int:
        """Embedding, head (once if tied), norms and biases: never quantized."""
        tables = self.vocab_size * self.hidden_size * (1 if self.tie_word_embeddings else 2)
        each = 2 if self.family.layer_norm else 1
        norms = each * self.family.norms * self.hidden_size + (2 * self.head_dim if self.has_qk_norm else 0)
        biases = sum(layer.out_features for layer in self.linears if layer.bias)
        head_bias = self.vocab_size if self.family.head_bias else 0
        return tables + self.num_hidden_layers * (norms + biases) + each * self.hidden_size + head_bias

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


def _family(config: Mapping[str, Any], model_type: str) -> Family:
    extra = next((name for name in _OTHER_SENSES if config.get(name)), None)
    if extra is not None:
        msg = f"model type {config.get('model_type')!r} has a {extra}: the formula covers text models alone"
        raise UnknownArchitectureError(msg)
    family = FAMILIES.get(model_type)
    if family is None:
        msg = f"config field 'model_type': no formula for {model_type!r} (known: {', '.join(sorted(FAMILIES))})"
        raise UnknownArchitectureError(msg)
    if config.get("qk_layernorm"):
        msg = f"model type {model_type!r} with qk_layernorm has no formula"
        raise UnknownArchitectureError(msg)
    return family


def _linears(shape: ModelShape) -> list[Linear]:
    h, i, q, kv = shape.hidden_size, shape.intermediate_size, shape.query_size, shape.key_size
    family = shape.family
    qkv_bias = family.all_bias or family.qkv_bias or shape.attention_bias
    out_bias, mlp_bias = family.all_bias or shape.attention_bias, family.all_bias or shape.mlp_bias
    mlp_reads = "mlp norm" if family.norms > 1 else "attention norm"
    if family.fused:
        attention = [Linear("qkv_proj", "attention norm", h, q + 2 * kv, qkv_bias)]
        mlp = [Linear("gate_up_proj", mlp_reads, h, 2 * i, mlp_bias), Linear("down_proj", "product", i, h, mlp_bias)]
    else:
        widths = (("q_proj", q), ("k_proj", kv), ("v_proj", kv))
        attention = [Linear(name, "attention norm", h, width, qkv_bias) for name, width in widths]
        names = ("gate_proj", "up_proj", "down_proj") if family.gate else ("fc1", "fc2")
        mlp = [Linear(name, mlp_reads, h, i, mlp_bias) for name in names[:-1]] + [Linear(names[-1], "product", i, h, mlp_bias)]
    return [*attention, Linear(family.output_name, "attention", q, h, out_bias), *mlp]


def _rotary_share(text: Mapping[str, Any], family: Family) -> float:
    nested = text.get("rope_parameters") or {}
    return float(text.get("partial_rotary_factor") or nested.get("partial_rotary_factor") or family.rotary_share)


def _matches(pattern: str, name: str) -> bool:
    return any(re.fullmatch(pattern, f"model.layers.0.{block}.{name}") for block in ("self_attn", "mlp"))


def _positive(config: Mapping[str, Any], name: str, default: int | None = None) -> int:
    value = config.get(name)
    if value is None:
        value = default
    if value is None:
        msg = f"config field {name!r} is missing"
        raise ValueError(msg)
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        msg = f"config field {name!r} must be a whole number above 0, not {value!r}"
        raise ValueError(msg)
    return value
