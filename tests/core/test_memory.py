from __future__ import annotations

import dataclasses
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.memory import DeviceProfile, LossPath, MemoryEstimate, ModelShape, estimate_peak
from harness.core.params import Quantization, TrialParams

MIB = 1 << 20
QWEN3_06B = {
    "model_type": "qwen3",
    "hidden_size": 1024,
    "intermediate_size": 3072,
    "num_hidden_layers": 28,
    "num_attention_heads": 16,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "vocab_size": 151936,
    "tie_word_embeddings": True,
}
CODER_7B = {
    "model_type": "qwen2",
    "hidden_size": 3584,
    "intermediate_size": 18944,
    "num_hidden_layers": 28,
    "num_attention_heads": 28,
    "num_key_value_heads": 4,
    "vocab_size": 152064,
    "tie_word_embeddings": False,
}
SMOLLM2 = {
    "model_type": "llama",
    "hidden_size": 576,
    "intermediate_size": 1536,
    "num_hidden_layers": 30,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
    "head_dim": 64,
    "vocab_size": 49152,
    "tie_word_embeddings": True,
}
SMALL = ModelShape.from_config(QWEN3_06B)
SEVEN = ModelShape.from_config(CODER_7B)
SMOL = ModelShape.from_config(SMOLLM2)
CUDA = DeviceProfile.cuda()


def term(estimate: MemoryEstimate, name: str) -> int:
    return dict(estimate.terms).get(name, 0)


def test_parameters_of_known_models() -> None:
    assert SMALL.linear_parameters + SMALL.other_parameters == 596_049_920
    # The attention biases of Qwen2 (q + 2kv a layer) are left out: 0.002 %.
    assert SEVEN.linear_parameters + SEVEN.other_parameters == 7_615_616_512 - 28 * (3584 + 2 * 512)


@pytest.mark.parametrize(
    ("quantization", "small_mib", "seven_mib"), [("nf4", 217, 3210), ("int8", 420, 6223), ("none", 840, 12446)]
)
def test_linear_weights_of_known_models(quantization: str, small_mib: int, seven_mib: int) -> None:
    params = TrialParams(quantization=Quantization(quantization))
    for shape, expected in ((SMALL, small_mib), (SEVEN, seven_mib)):
        assert term(estimate_peak(shape, params, CUDA), "linear weights") / MIB == pytest.approx(expected, rel=5e-3)


def test_nf4_bits_per_weight_are_those_measured() -> None:
    """3072 x 1024: 4.1297 bit with double quantization, 4.5002 without."""
    params = TrialParams(quantization=Quantization.NF4)
    one = ModelShape.from_config(QWEN3_06B)
    weights = one.linear_parameters
    double = term(estimate_peak(one, params, CUDA), "linear weights")
    single = term(estimate_peak(one, params, dataclasses.replace(CUDA, double_quant=False)), "linear weights")
    assert 8 * double / weights == pytest.approx(4.1297, rel=2e-3)
    assert 8 * single / weights == pytest.approx(4.5002, rel=1e-3)


@pytest.mark.parametrize(("shape", "kilobytes"), [(SMALL, 78.4), (SEVEN, 255.0)])
def test_saved_activations_agree_with_traces(shape: ModelShape, kilobytes: float) -> None:
    params = TrialParams(max_length=1024)
    saved = term(estimate_peak(shape, params, CUDA, LossPath.LOGITS), "activations")
    assert saved / 1024 / shape.num_hidden_layers / 1000 == pytest.approx(kilobytes, rel=0.05)


def test_checkpointing_keeps_one_residual_per_layer() -> None:
    params = TrialParams(max_length=1024, gradient_checkpointing=True)
    assert term(estimate_peak(SMALL, params, CUDA), "activations") == 2048 * 1024 * 28


def test_logits_are_built_only_on_their_path() -> None:
    params = TrialParams(max_length=1024, gradient_checkpointing=True, quantization=Quantization.NF4)
    whole = estimate_peak(SMALL, params, CUDA, LossPath.LOGITS)
    fused = estimate_peak(SMALL, params, CUDA, LossPath.FUSED)
    assert term(whole, "loss") == 16 * 1024 * 151936
    assert fused.total_bytes < whole.total_bytes - 2000 * MIB


def test_optimizer_state() -> None:
    def state(optim: str) -> float:
        return term(estimate_peak(SMALL, TrialParams(optim=optim), CUDA), "optimizer state") / 10_092_544

    assert state("adamw_torch") == state("a_new_name") == state("paged_adamw_32bit") == 8
    assert state("adamw_bnb_8bit") == pytest.approx(2.03, abs=0.01)
    assert state("sgd") == 0


def test_only_the_targets_get_adapters() -> None:
    def adapters(targets: str | tuple[str, ...]) -> int:
        return term(estimate_peak(SMALL, TrialParams(r=16, target_modules=targets), CUDA), "gradients")

    assert adapters("all-linear") == 4 * 10_092_544
    attention = 4 * 16 * 28 * (1024 + 2048 + 1024 + 1024)
    assert adapters(("q_proj", "v_proj")) == adapters(r".*\.(q|v)_proj") == attention
    assert adapters(("unheard_of",)) == adapters("all-linear")


@pytest.mark.parametrize("field", ["hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "vocab_size"])
@pytest.mark.parametrize("value", [None, 0, -1, "8", 1.5, True])
def test_unusable_fields_are_named(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=field):
        ModelShape.from_config({**QWEN3_06B, field: value})


def test_configs_of_other_forms() -> None:
    assert ModelShape.from_config({"model_type": "vl", "text_config": CODER_7B}) == SEVEN
    assert SEVEN.head_dim == 128
    assert ModelShape.from_config({k: v for k, v in QWEN3_06B.items() if k != "num_key_value_heads"}).num_key_value_heads == 16
    assert not ModelShape.from_config({k: v for k, v in QWEN3_06B.items() if k != "tie_word_embeddings"}).tie_word_embeddings
    with pytest.raises(ValueError, match="num_experts"):
        ModelShape.from_config({**QWEN3_06B, "num_experts": 64})


# quantization, bytes a weight, batch, length, r, checkpointing, dropout, peak resident MB of two real SFTTrainer steps on
# SmolLM2-135M (torch 2.13 CPU, transformers 5.23, TRL 1.16, PEFT 0.21.2, fp32 adapters, full batches, glibc 2.36 malloc).
OBSERVED = [
    ("none", 2, 4, 192, 8, False, 0.0, 2929),
    ("none", 2, 4, 256, 16, False, 0.0, 3626),
    ("none", 2, 4, 320, 32, False, 0.0, 4138),
    ("none", 2, 2, 256, 16, False, 0.0, 2362),
    ("none", 2, 2, 128, 8, False, 0.0, 1640),
    ("none", 2, 4, 256, 16, True, 0.0, 2677),
    ("none", 2, 4, 256, 16, False, 0.05, 4573),
    ("none", 4, 4, 256, 16, False, 0.0, 4756),
    ("int8", 2, 4, 256, 16, False, 0.0, 3898),
    ("nf4", 2, 4, 256, 16, False, 0.0, 4023),
]


@pytest.mark.parametrize(("quantization", "width", "batch", "length", "r", "checkpointing", "dropout", "megabytes"), OBSERVED)
def test_host_estimates_stay_by_what_was_measured(
    quantization: str, width: int, batch: int, length: int, r: int, checkpointing: bool, dropout: float, megabytes: int
) -> None:
    """Never more than 5 % below, nor 15 % above."""
    params = TrialParams(
        r=r,
        lora_dropout=dropout,
        quantization=Quantization(quantization),
        per_device_train_batch_size=batch,
        max_length=length,
        gradient_checkpointing=checkpointing,
    )
    predicted = estimate_peak(SMOL, params, DeviceProfile.host(width)).total_bytes
    assert 0.95 <= predicted / (megabytes * 10**6) <= 1.15


def test_an_estimate_takes_less_than_a_millisecond() -> None:
    started = time.process_time()
    for _ in range(200):
        estimate_peak(SEVEN, TrialParams(), CUDA)
    assert (time.process_time() - started) / 200 < 1e-3


PARAMS = st.builds(
    TrialParams,
    r=st.integers(1, 64),
    lora_dropout=st.sampled_from([0.0, 0.1]),
    quantization=st.sampled_from(Quantization),
    per_device_train_batch_size=st.integers(1, 8),
    max_length=st.integers(16, 4096),
    gradient_checkpointing=st.booleans(),
    optim=st.sampled_from(["adamw_torch", "adamw_bnb_8bit", "sgd"]),
)
DEVICES = st.sampled_from([DeviceProfile.cuda(), DeviceProfile.cuda(4), DeviceProfile.host(2), DeviceProfile.host(4)])


@settings(deadline=None)
@given(shape=st.sampled_from([SMALL, SEVEN, SMOL]), params=PARAMS, device=DEVICES, path=st.sampled_from(LossPath))
def test_terms_are_whole_and_add_up(shape: ModelShape, params: TrialParams, device: DeviceProfile, path: LossPath) -> None:
    estimate = estimate_peak(shape, params, device, path)
    assert estimate.total_bytes == sum(size for _, size in estimate.terms)
    assert all(type(size) is int and size > 0 for _, size in estimate.terms)
    assert len({name for name, _ in estimate.terms}) == len(estimate.terms)


@settings(deadline=None)
@given(params=PARAMS, device=DEVICES, path=st.sampled_from(LossPath))
def test_more_of_anything_never_needs_less(params: TrialParams, device: DeviceProfile, path: LossPath) -> None:
    larger = (
        dataclasses.replace(params, r=params.r + 8),
        dataclasses.replace(params, max_length=params.max_length + 64),
        dataclasses.replace(params, per_device_train_batch_size=params.per_device_train_batch_size + 1),
    )
    peak = estimate_peak(SMALL, params, device, path).total_bytes
    assert all(estimate_peak(SMALL, more, device, path).total_bytes >= peak for more in larger)
