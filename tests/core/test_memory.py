from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_configs import CODER_7B, QWEN3_06B

from harness.core.memory import DeviceProfile, LossPath, MemoryEstimate, ModelShape, estimate_peak
from harness.core.params import Quantization, TrialParams
from harness.core.workload import Workload, Writing

MIB = 1 << 20
CONFIGS: dict[str, dict[str, Any]] = {
    "qwen3-0.6b": QWEN3_06B,
    "coder-7b": CODER_7B,
    "gemma-3-1b": {
        "model_type": "gemma3_text",
        "hidden_size": 1152,
        "intermediate_size": 6912,
        "num_hidden_layers": 26,
        "num_attention_heads": 4,
        "num_key_value_heads": 1,
        "vocab_size": 262144,
        "sliding_window": 512,
    },
    "phi-2": {
        "model_type": "phi",
        "hidden_size": 2560,
        "intermediate_size": 10240,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "vocab_size": 51200,
        "partial_rotary_factor": 0.4,
    },
    "phi-3-mini": {
        "model_type": "phi3",
        "hidden_size": 3072,
        "intermediate_size": 8192,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "vocab_size": 32064,
        "sliding_window": 2047,
    },
}
SHAPES = {name: ModelShape.from_config(config) for name, config in CONFIGS.items()}
SMALL, SEVEN = SHAPES["qwen3-0.6b"], SHAPES["coder-7b"]
BARE = DeviceProfile("cuda", 2, 0, 0, 0, 0)


def term(estimate: MemoryEstimate, name: str) -> int:
    return dict(estimate.terms).get(name, 0)


def ask(
    shape: ModelShape = SMALL, device: DeviceProfile = BARE, path: LossPath = LossPath.FUSED, **params: Any
) -> MemoryEstimate:
    return estimate_peak(shape, Workload(TrialParams(**params), loss_path=path), device)


@pytest.mark.parametrize(
    ("quantization", "small_mib", "seven_mib"), [("nf4", 217, 3210), ("int8", 420, 6223), ("none", 840, 12446)]
)
def test_linear_weights_of_known_models(quantization: str, small_mib: int, seven_mib: int) -> None:
    for shape, expected in ((SMALL, small_mib), (SEVEN, seven_mib)):
        weights = term(ask(shape, quantization=Quantization(quantization)), "linear weights")
        assert weights / MIB == pytest.approx(expected, rel=5e-3)


def test_nf4_bits_per_weight_are_those_measured() -> None:
    """3072 x 1024: 4.1297 bit with double quantization, 4.5002 without."""
    for double_quant, bits in ((True, 4.1297), (False, 4.5002)):
        workload = Workload(TrialParams(quantization=Quantization.NF4), double_quant=double_quant)
        weights = term(estimate_peak(SMALL, workload, BARE), "linear weights")
        assert 8 * weights / SMALL.linear_parameters == pytest.approx(bits, rel=2e-3)


@pytest.mark.parametrize(("shape", "kilobytes"), [(SMALL, 78.4), (SEVEN, 255.0)])
def test_saved_activations_agree_with_traces(shape: ModelShape, kilobytes: float) -> None:
    """Bytes a token and layer, traced before this formula was written; the masks of a padded batch of them included."""
    workload = Workload(TrialParams(max_length=1024), loss_path=LossPath.LOGITS)
    saved = term(estimate_peak(shape, workload, BARE, padded=True), "activations")
    assert saved / 1024 / shape.num_hidden_layers / 1000 == pytest.approx(kilobytes, rel=0.03)


def test_checkpointing_keeps_one_residual_per_layer() -> None:
    for quantization in Quantization:
        estimate = ask(max_length=1024, gradient_checkpointing=True, quantization=quantization, path=LossPath.LOGITS)
        assert estimate.phase == "loss"
        assert term(estimate, "activations") == 2048 * 1024 * 28


def test_logits_are_built_only_on_their_path() -> None:
    params = {"max_length": 1024, "gradient_checkpointing": True, "quantization": Quantization.NF4}
    whole, fused, some = (ask(path=path, **params) for path in (LossPath.LOGITS, LossPath.FUSED, LossPath.COMPLETION))
    assert term(whole, "loss") == pytest.approx(12 * 1024 * 151936, rel=0.01)  # three times the fp32 logits
    assert fused.total_bytes < whole.total_bytes - 1500 * MIB
    assert fused.total_bytes < some.total_bytes < whole.total_bytes


def test_optimizer_state() -> None:
    def state(optim: str) -> float:
        return term(ask(optim=optim), "optimizer state") / 10_092_544

    assert state("adamw_torch") == state("a_new_name") == state("paged_adamw_32bit") == 8
    assert state("adamw_bnb_8bit") == state("paged_adamw_8bit") == pytest.approx(2.03, abs=0.01)
    assert state("sgd") == 0


def test_the_optimizer_step_can_be_the_peak() -> None:
    tall = {"r": 128, "max_length": 16, "quantization": Quantization.NF4, "gradient_checkpointing": True}
    assert ask(**tall).phase == "optimizer step"
    assert ask(optim="adamw_torch_fused", **tall).total_bytes < ask(**tall).total_bytes


def test_gradients_are_there_all_the_time_only_with_accumulation() -> None:
    alone, accumulated = (ask(r=64, max_length=1024, gradient_accumulation_steps=steps) for steps in (1, 4))
    assert term(accumulated, "gradients") == 4 * 40_370_176
    assert accumulated.total_bytes - alone.total_bytes == pytest.approx(4 * 40_370_176, rel=0.05)


def test_only_the_targets_get_adapters() -> None:
    def adapters(targets: str | tuple[str, ...]) -> int:
        return term(ask(r=16, target_modules=targets), "adapters")

    assert adapters("all-linear") == 4 * 10_092_544
    attention = 4 * 16 * 28 * (1024 + 2048 + 1024 + 1024)
    assert adapters(("q_proj", "v_proj")) == adapters(r".*\.(q|v)_proj") == attention
    assert adapters(("unheard_of",)) == adapters("all-linear")


def test_int8_over_checkpointing_keeps_nothing_that_torch_does_not_see() -> None:
    params = {"max_length": 2048, "gradient_checkpointing": True, "path": LossPath.LOGITS}
    int8, plain = (term(ask(quantization=q, **params), "activations") for q in (Quantization.INT8, Quantization.NONE))
    assert int8 == plain


def test_a_padded_batch_needs_more_and_a_sliding_window_is_one() -> None:
    for shape in (SMALL, SEVEN):
        workload = Workload(TrialParams(per_device_train_batch_size=2, max_length=2048))
        assert estimate_peak(shape, workload, BARE, padded=True).total_bytes > estimate_peak(shape, workload, BARE).total_bytes
    gemma = SHAPES["gemma-3-1b"]
    short, longer = ask(gemma, max_length=512, path=LossPath.LOGITS), ask(gemma, max_length=514, path=LossPath.LOGITS)
    assert term(short, "attention mask") == 0
    assert term(longer, "attention mask") == 514**2
    assert term(longer, "activations") - term(short, "activations") > 22 * 2 * 512**2  # a mask for each of 22 layers


def test_offloaded_layers_come_one_at_a_time_if_something_lets_go_of_them() -> None:
    def weights(layers: int, **params: Any) -> int:
        workload = Workload(TrialParams(**params), offloaded_layers=layers)
        return term(estimate_peak(SMALL, workload, BARE), "linear weights")

    recomputing = {"gradient_checkpointing": True}
    assert weights(28, **recomputing) * 28 == weights(0)
    assert weights(8, **recomputing) * 28 == weights(0) * 21
    assert weights(1, **recomputing) == weights(28) == weights(0)


def test_writing_can_be_the_peak() -> None:
    params = TrialParams(quantization=Quantization.NF4, gradient_checkpointing=True, max_length=256)
    written = estimate_peak(SMALL, Workload(params, writing=Writing(32, 1024, 512)), BARE)
    assert written.phase == "writing"
    assert term(written, "key-value cache") == 2 * 32 * 1024 * 2 * ((1536 + 64) * 28 + 1536)
    assert estimate_peak(SMALL, Workload(params, writing=Writing(1, 16, 1)), BARE) == estimate_peak(SMALL, Workload(params), BARE)


def test_the_device_adds_what_is_its_own() -> None:
    device = dataclasses.replace(BARE, context_bytes=100 * MIB, workspace_bytes=10 * MIB, fragmentation_percent=10)
    bare, whole = ask(), ask(device=device)
    assert term(whole, "context and libraries") == 100 * MIB
    assert whole.total_bytes - bare.total_bytes == 110 * MIB + term(whole, "fragmentation")


PARAMS = st.builds(
    TrialParams,
    r=st.integers(1, 64),
    lora_dropout=st.sampled_from([0.0, 0.1]),
    target_modules=st.sampled_from(["all-linear", ("q_proj", "v_proj"), ("down_proj",)]),
    quantization=st.sampled_from(Quantization),
    per_device_train_batch_size=st.integers(1, 8),
    gradient_accumulation_steps=st.sampled_from([1, 4]),
    max_length=st.integers(2, 4096),
    gradient_checkpointing=st.booleans(),
    optim=st.sampled_from(["adamw_torch", "adamw_torch_fused", "adamw_bnb_8bit", "sgd"]),
)
WORKLOADS = st.builds(
    Workload,
    params=PARAMS,
    loss_path=st.sampled_from(LossPath),
    completion_tokens=st.integers(1, 512),
    attn_implementation=st.sampled_from(["sdpa", "eager"]),
    double_quant=st.booleans(),
    offloaded_layers=st.integers(0, 40),
    writing=st.one_of(st.none(), st.builds(Writing, st.integers(1, 16), st.integers(1, 2048), st.integers(1, 512))),
)
DEVICES = st.sampled_from([DeviceProfile.cuda(), DeviceProfile.cuda(4), DeviceProfile.host(2), DeviceProfile.host(4), BARE])
MODELS = st.sampled_from(sorted(SHAPES)).map(SHAPES.__getitem__)


@settings(deadline=None)
@given(shape=MODELS, workload=WORKLOADS, device=DEVICES, padded=st.booleans())
def test_terms_are_whole_and_add_up(shape: ModelShape, workload: Workload, device: DeviceProfile, padded: bool) -> None:
    estimate = estimate_peak(shape, workload, device, padded=padded)
    assert estimate.total_bytes == sum(size for _, size in estimate.terms)
    assert all(type(size) is int and size > 0 for _, size in estimate.terms)
    assert len({name for name, _ in estimate.terms}) == len(estimate.terms)
    assert estimate.phase in {"load", "forward", "loss", "backward", "optimizer step", "writing"}
    assert estimate.source == "formula"


@settings(deadline=None)
@given(shape=MODELS, workload=WORKLOADS, device=DEVICES, padded=st.booleans())
def test_more_of_anything_never_needs_less(shape: ModelShape, workload: Workload, device: DeviceProfile, padded: bool) -> None:
    params = workload.params
    larger = (
        workload.with_params(r=params.r + 8),
        workload.with_params(max_length=params.max_length + 64),
        workload.with_params(per_device_train_batch_size=params.per_device_train_batch_size + 1),
        workload.with_params(target_modules="all-linear"),
        dataclasses.replace(workload, completion_tokens=workload.completion_tokens + 16),
        dataclasses.replace(workload, offloaded_layers=0),
    )
    peak = estimate_peak(shape, workload, device, padded=padded).total_bytes
    assert all(estimate_peak(shape, more, device, padded=padded).total_bytes >= peak for more in larger)
