"""What distinguishes the decoder architectures that the memory formula knows. Values and one small rule; no I/O.

Owns the table of families. Sizes are read from a config by `harness.core.model_shape`.
Source: transformers 5.23, models/*/modeling_*.py and configuration_*.py (defaults).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Family:
    """How the blocks of a model type are built.

    Attributes:
        qk_norm: Queries and keys pass a norm of their own.
        gate: Two layers read the input of the MLP, and their product goes on; else one layer and an activation.
        fused: One matrix for queries, keys and values, one for gate and up.
        norms: Norms of the hidden size in a block.
        layer_norm: torch's LayerNorm with bias; else an RMSNorm that works in fp32.
        unit_offset: The RMSNorm multiplies by (1 + weight) in fp32 and keeps the product's operands.
        qkv_bias / all_bias / head_bias: Which linear layers have a bias whatever the config says.
        output_name: The attention's last linear layer.
        head_dim: Default of the config field; 0: hidden size over heads.
        rotary_share: Default of `partial_rotary_factor`.
        tied: Default of `tie_word_embeddings`.
        window: How sliding layers are chosen: ``none``, ``all``, ``flag`` (`use_sliding_window`, the upper layers) or
            ``pattern`` (all but every sixth).
    """

    qk_norm: bool = False
    gate: bool = True
    fused: bool = False
    norms: int = 2
    layer_norm: bool = False
    unit_offset: bool = False
    qkv_bias: bool = False
    all_bias: bool = False
    head_bias: bool = False
    output_name: str = "o_proj"
    head_dim: int = 0
    rotary_share: float = 1.0
    tied: bool = False
    window: str = "none"

    def sliding(self, config: Mapping[str, Any], layers: int) -> tuple[int, int]:
        """The window in tokens and the number of layers that slide; (0, 0) where none does."""
        window = config.get("sliding_window") or (4096 if self.window == "pattern" else 0)
        if self.window == "none" or not window or (self.window == "flag" and not config.get("use_sliding_window")):
            return 0, 0
        types = config.get("layer_types")
        if types:
            count = sum(1 for each in types if each == "sliding_attention")
        elif self.window == "pattern":
            count = layers - layers // int(config.get("sliding_window_pattern") or 6)
        elif self.window == "flag":
            count = max(0, layers - int(config.get("max_window_layers") or 28))
        else:
            count = layers
        return (int(window), count) if count else (0, 0)


_GEMMA3 = Family(qk_norm=True, norms=4, unit_offset=True, head_dim=256, tied=True, window="pattern")

FAMILIES: Mapping[str, Family] = {
    "llama": Family(),
    "mistral": Family(window="all"),
    "qwen2": Family(qkv_bias=True, window="flag"),
    "qwen3": Family(qk_norm=True, head_dim=128, window="flag"),
    "gemma3": _GEMMA3,
    "gemma3_text": _GEMMA3,
    "phi": Family(gate=False, norms=1, layer_norm=True, all_bias=True, head_bias=True, output_name="dense", rotary_share=0.5),
    "phi3": Family(fused=True, window="all"),
}
"""Families by `model_type`."""
