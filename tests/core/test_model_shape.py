from __future__ import annotations

from typing import Any

import pytest
from model_configs import CODER_7B, QWEN3_06B

from harness.core.families import FAMILIES
from harness.core.model_shape import QK_NORM_TYPES, ModelShape, UnknownArchitectureError

SMALL: dict[str, Any] = {
    "hidden_size": 96,
    "intermediate_size": 224,
    "num_hidden_layers": 7,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "vocab_size": 1000,
}
VARIANTS: list[tuple[str, dict[str, Any]]] = [
    ("llama", {}),
    ("llama", {"attention_bias": True, "mlp_bias": True, "tie_word_embeddings": True}),
    ("mistral", {"head_dim": 32}),
    ("qwen2", {}),
    ("qwen2", {"use_sliding_window": True, "sliding_window": 8, "max_window_layers": 5}),
    ("qwen3", {"attention_bias": True}),
    ("qwen3", {"head_dim": 16, "tie_word_embeddings": True}),
    ("gemma3_text", {}),
    ("gemma3_text", {"tie_word_embeddings": False, "head_dim": 16, "sliding_window": 16}),
    ("phi", {}),
    ("phi3", {"pad_token_id": 0, "eos_token_id": 1}),
]


def test_parameters_of_known_models() -> None:
    small, seven = ModelShape.from_config(QWEN3_06B), ModelShape.from_config(CODER_7B)
    assert small.linear_parameters + small.other_parameters == 596_049_920
    assert seven.linear_parameters + seven.other_parameters == 7_615_616_512


@pytest.mark.parametrize(("model_type", "fields"), VARIANTS)
def test_parameters_and_linear_layers_are_those_of_transformers(model_type: str, fields: dict[str, Any]) -> None:
    import torch
    from transformers import CONFIG_MAPPING, AutoModelForCausalLM

    config = CONFIG_MAPPING[model_type](**SMALL, **fields)
    shape = ModelShape.from_config(config.to_dict())
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    assert shape.linear_parameters + shape.other_parameters == sum(p.numel() for p in model.parameters())
    found = [
        (name.rpartition(".")[2], layer.in_features, layer.out_features, layer.bias is not None)
        for name, layer in model.named_modules()
        if isinstance(layer, torch.nn.Linear) and layer is not model.get_output_embeddings() and ".layers.0." in name
    ]
    assert {(each.name, each.in_features, each.out_features, each.bias) for each in shape.targets("all-linear")} == set(found)
    assert len(found) == len(shape.linears)


@pytest.mark.parametrize(("model_type", "fields"), VARIANTS)
def test_a_file_with_only_what_differs_says_the_same(model_type: str, fields: dict[str, Any]) -> None:
    from transformers import CONFIG_MAPPING

    config = CONFIG_MAPPING[model_type](**SMALL, **fields)
    assert ModelShape.from_config(config.to_diff_dict()) == ModelShape.from_config(config.to_dict())


def test_every_family_is_tried() -> None:
    assert {model_type for model_type, _ in VARIANTS} | {"gemma3"} == set(FAMILIES)
    assert {"qwen3", "gemma3_text"} <= QK_NORM_TYPES


@pytest.mark.parametrize("field", ["hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "vocab_size"])
@pytest.mark.parametrize("value", [None, 0, -1, "8", 1.5, True])
def test_unusable_fields_are_named(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=field):
        ModelShape.from_config({**QWEN3_06B, field: value})


@pytest.mark.parametrize("model_type", ["gpt2", "mamba", "", "qwen4"])
def test_an_unknown_architecture_is_named_and_never_guessed(model_type: str) -> None:
    with pytest.raises(UnknownArchitectureError, match=f"'{model_type}'"):
        ModelShape.from_config({**QWEN3_06B, "model_type": model_type})


def test_a_model_that_sees_is_left_to_the_tracer() -> None:
    seeing = {
        "model_type": "gemma3",
        "text_config": {**QWEN3_06B, "model_type": "gemma3_text"},
        "vision_config": {"hidden_size": 8},
    }
    with pytest.raises(UnknownArchitectureError, match="vision_config"):
        ModelShape.from_config(seeing)
    with pytest.raises(UnknownArchitectureError, match="qk_layernorm"):
        ModelShape.from_config({**SMALL, "model_type": "phi", "qk_layernorm": True})


@pytest.mark.parametrize("field", ["num_experts", "num_local_experts", "n_routed_experts"])
def test_mixtures_of_experts_are_refused(field: str) -> None:
    with pytest.raises(ValueError, match=field):
        ModelShape.from_config({**QWEN3_06B, field: 64})


def test_configs_of_other_forms() -> None:
    seven = ModelShape.from_config(CODER_7B)
    assert ModelShape.from_config({"model_type": "wrapped", "text_config": CODER_7B}) == seven
    assert seven.head_dim == seven.rotary_dim == 128
    assert ModelShape.from_config({k: v for k, v in QWEN3_06B.items() if k != "num_key_value_heads"}).num_key_value_heads == 16
    assert not ModelShape.from_config({k: v for k, v in QWEN3_06B.items() if k != "tie_word_embeddings"}).tie_word_embeddings
    assert ModelShape.from_config({**SMALL, "model_type": "gemma3_text"}).tie_word_embeddings
    assert ModelShape.from_config({**SMALL, "model_type": "phi3", "head_dim": 16, "partial_rotary_factor": 0.75}).rotary_dim == 12


def test_layers_that_slide() -> None:
    def sliding(**fields: Any) -> tuple[int, int]:
        shape = ModelShape.from_config({**SMALL, **fields})
        return shape.sliding_window, shape.sliding_layers

    assert sliding(model_type="gemma3_text", sliding_window=512) == (512, 6)
    assert sliding(model_type="gemma3_text", sliding_window=512, layer_types=["full_attention"] * 7) == (0, 0)
    assert sliding(model_type="mistral", sliding_window=4096) == (4096, 7)
    assert sliding(model_type="mistral", sliding_window=None) == sliding(model_type="llama", sliding_window=64) == (0, 0)
    assert sliding(model_type="qwen2", sliding_window=64) == (0, 0)
    assert sliding(model_type="qwen2", sliding_window=64, use_sliding_window=True, max_window_layers=3) == (64, 4)


def test_targets_are_matched_as_peft_matches_them() -> None:
    shape = ModelShape.from_config(QWEN3_06B)

    def names(targets: str | tuple[str, ...]) -> list[str]:
        return [layer.name for layer in shape.targets(targets)]

    assert names("all-linear") == ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    assert names(("q_proj", "model.layers.0.self_attn.v_proj")) == names(r".*\.(q|v)_proj") == ["q_proj", "v_proj"]
    assert names(("unheard_of",)) == names("all-linear")
    fused = ModelShape.from_config({**SMALL, "model_type": "phi3"})
    assert [layer.name for layer in fused.linears] == ["qkv_proj", "o_proj", "gate_up_proj", "down_proj"]
    assert fused.linears[0].out_features == 96 + 2 * 32
    old = ModelShape.from_config({**SMALL, "model_type": "phi"})
    assert [layer.name for layer in old.targets(("dense", "fc2"))] == ["dense", "fc2"]
