from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.console.text import (
    ALPHA,
    compact,
    core_settings,
    duration,
    encodable,
    gauge,
    measured,
    number,
    setting,
    short_metric,
)
from harness.core.measured import Measured


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (42.4, "0:42"), (59.6, "1:00"), (725, "12:05"), (3723, "1:02:03"), (-3, "0:00")]
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("pass_rate", 0.456, "0.46"),
        ("eval_loss", 1.23456, "1.235"),
        ("eval_loss", math.nan, "-"),
        ("peak_bytes", 3 * 2**29, "1.50 GiB"),
        ("trial_runtime_s", 101.4, "101 s"),
        ("train_tokens_per_s", 1234.5, "1234"),
        ("learning_rate", 0.0002, "0.0002"),
    ],
)
def test_numbers_carry_their_units(name: str, value: float, text: str) -> None:
    assert number(name, value) == text


def test_interval_is_half_its_width() -> None:
    assert measured("pass_rate", Measured(0.46, 0.37, 0.55)) == "0.46 ±.09"
    assert measured("pass_rate", Measured(0.46)) == "0.46"
    assert measured("pass_rate", None) == "-"
    assert measured("eval_loss", Measured(math.inf)) == "-"


def test_compact_settings() -> None:
    params = {"quantization": "nf4", "r": 16, "lora_alpha": 32, "learning_rate": 2e-4, "warmup_ratio": 0.03}
    assert compact(params) == f"r16 {ALPHA}32 lr 2e-4 wu .03 nf4"
    assert compact(params, tight=True) == "r16 lr 2e-4 nf4"
    assert compact({"r": 8, "lora_alpha": None, "quantization": "none"}) == "r8 no quant"


def test_only_settings_worth_a_line_are_kept() -> None:
    params = {"r": 8, "max_length": 512, "weight_decay": 0.1}
    assert core_settings(params, {"weight_decay": "0-0.1"}) == {"r": 8, "weight_decay": 0.1}


@given(st.floats(1e-7, 1.0))
def test_learning_rate_reads_back_within_its_two_digits(rate: float) -> None:
    assert float(setting("learning_rate", rate)) == pytest.approx(rate, rel=0.05)


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("use_rslora", True, "yes"),
        ("target_modules", ("q_proj", "v_proj"), "q_proj,v_proj"),
        ("warmup_ratio", 0.0, "0"),
        ("num_train_epochs", 2.0, "2"),
    ],
)
def test_settings_in_cells(name: str, value: object, text: str) -> None:
    assert setting(name, value) == text


def test_a_stream_that_knows_no_greek_gets_plain_letters() -> None:
    text = f"r16 {ALPHA}32 ±.09 ☃"
    assert encodable(text, "utf-8") == text
    assert encodable(text, "ascii") == "r16 a32 +-.09 ?"


def test_gauge_and_headings() -> None:
    assert gauge(2**30, 8 * 2**30) == "1.0/8.0 GiB"
    assert short_metric("mutation_score") == "mutation"
    assert short_metric("generate_latency_p50_s") == "generate latency p50"
