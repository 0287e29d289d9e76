"""Which estimate a sweep asks: the formula, the tracer, or none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from model_configs import SMOLLM2
from sweep_shapes import GPT2, sweep_config

from harness.core.memory import DeviceProfile
from harness.core.params import Quantization
from harness.core.workload import LossPath
from harness.guard.traced import trace_peak
from harness.sweep.predict import Predictor, Surroundings
from harness.tracer.request import Traced, TraceRequest

AMX = "flags : avx512_bf16 amx_bf16\n"


def test_a_known_architecture_is_predicted_by_the_formula() -> None:
    config = sweep_config()
    predictor = Predictor(config, Surroundings(SMOLLM2, DeviceProfile.cuda()))
    estimate = predictor.estimate(predictor.workload(config.base_params()))
    assert predictor.source == "formula"
    assert estimate is not None
    assert estimate.source == "formula"
    assert predictor.num_layers == 30


@pytest.mark.parametrize(
    ("device", "asked", "expected"),
    [
        (DeviceProfile.cuda(), "auto", LossPath.FUSED),
        (DeviceProfile.host(), "auto", LossPath.COMPLETION),
        (DeviceProfile.cuda(), "logits", LossPath.LOGITS),
    ],
)
def test_the_loss_path_is_the_devices_own_unless_one_is_named(device: DeviceProfile, asked: str, expected: LossPath) -> None:
    config = sweep_config(training={"max_length": 512, "loss_path": asked})
    assert Predictor(config, Surroundings(SMOLLM2, device)).workload(config.base_params()).loss_path is expected


def test_a_cpu_computes_nf4_in_fp32_and_keeps_what_was_measured_of_the_device() -> None:
    config = sweep_config()
    measured = DeviceProfile.host()
    predictor = Predictor(config, Surroundings(SMOLLM2, measured, AMX))
    plain, nf4 = config.base_params(), config.base_params().merged({"quantization": Quantization.NF4})
    assert predictor.profile(plain).compute_bytes == 2
    assert predictor.profile(nf4).compute_bytes == 4
    assert predictor.profile(nf4).context_bytes == measured.context_bytes


def test_switched_off_it_predicts_nothing() -> None:
    config = sweep_config(guard={"estimate": "off"})
    predictor = Predictor(config, Surroundings(SMOLLM2, DeviceProfile.cuda()))
    assert predictor.source == "none"
    assert predictor.estimate(predictor.workload(config.base_params())) is None


@pytest.mark.slow
def test_an_unknown_architecture_is_traced_and_says_so(tmp_path: Path) -> None:
    config = sweep_config(training={"max_length": 256, "target_modules": "c_attn"}, generation={"max_new_tokens": 8})

    def trace(request: TraceRequest) -> Traced:
        return trace_peak(request, tmp_path, dict(os.environ))

    predictor = Predictor(config, Surroundings(GPT2, DeviceProfile.host(4), prompt_tokens=16, trace=trace))
    assert predictor.source == "tracer"
    assert "gpt2" in predictor.unknown
    small, large = (
        predictor.estimate(predictor.workload(config.base_params().merged({"per_device_train_batch_size": size})))
        for size in (1, 8)
    )
    assert small is not None
    assert large is not None
    assert small.source == "tracer"
    assert small.total_bytes < large.total_bytes


def test_a_model_that_nothing_can_predict_is_watched_only() -> None:
    config = sweep_config()
    predictor = Predictor(config, Surroundings(GPT2, DeviceProfile.cuda()))
    assert predictor.source == "none"
    assert predictor.estimate(predictor.workload(config.base_params())) is None
