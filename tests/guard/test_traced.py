"""The parent's side of the tracer: its cache, its errors, and what becomes of an answer. Real processes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from harness.core.errors import ExitCode, HarnessError
from harness.core.memory import DeviceProfile
from harness.core.params import TrialParams
from harness.core.workload import LossPath, Workload
from harness.guard.traced import as_estimate, trace_all, trace_peak
from harness.tracer.request import Traced, TraceRequest

CONFIG: dict[str, Any] = {
    "model_type": "llama",
    "vocab_size": 258,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}
TRACED = Traced(1000, "backward", {"loss": 900, "backward": 1000}, (("adapters", 400), ("the rest", 600)), {"torch": "2"}, 1.0)


def request(**config: Any) -> TraceRequest:
    params = TrialParams(r=4, max_length=64)
    return TraceRequest(CONFIG | config, Workload(params, LossPath.FUSED), "cuda", 2)


def test_an_answer_is_kept_and_a_broken_one_made_anew(tmp_path: Path) -> None:
    kept = tmp_path / "cache" / f"{request().key()}.json"
    kept.parent.mkdir()
    kept.write_text('{"peak_bytes": 1')
    first = trace_peak(request(), kept.parent, os.environ)
    assert Traced.from_json(kept.read_text()) == first
    assert [path.name for path in kept.parent.iterdir()] == [kept.name]
    # No process could answer within a millisecond.
    assert trace_peak(request(), kept.parent, {}, timeout_s=0.001) == first


def test_what_cannot_be_built_is_bad_input_with_the_child_s_own_words() -> None:
    answers = trace_all([request(), request(model_type="no_such_model"), request()], os.environ, 180.0)
    assert next(answers).peak_bytes > 0
    with pytest.raises(HarnessError) as caught:
        next(answers)
    assert caught.value.code is ExitCode.BAD_INPUT
    assert "no_such_model" in caught.value.why


def test_a_tracer_that_takes_too_long_is_killed(tmp_path: Path) -> None:
    with pytest.raises(HarnessError) as caught:
        trace_peak(request(), tmp_path, os.environ, timeout_s=0.01)
    assert caught.value.code is ExitCode.ENVIRONMENT
    assert "0.01 s" in caught.value.why


def test_a_broken_environment_is_not_bad_input(tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("raise ImportError('libcudart.so.13: no such file')\n")
    path = f"{tmp_path}{os.pathsep}{Path(__file__).parents[2]}"
    with pytest.raises(HarnessError) as caught:
        trace_peak(request(), tmp_path / "cache", {**os.environ, "PYTHONPATH": path})
    assert caught.value.code is ExitCode.ENVIRONMENT
    assert caught.value.why == "ImportError: libcudart.so.13: no such file"


def test_a_cache_that_cannot_be_written_is_said_before_anything_is_traced(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HarnessError) as caught:
        trace_peak(request(), tmp_path / "file" / "cache", os.environ, timeout_s=0.001)
    assert caught.value.code is ExitCode.STORAGE


def test_an_estimate_from_a_trace_adds_what_the_device_takes() -> None:
    device = DeviceProfile(
        "cuda", 2, context_bytes=50, workspace_bytes=7, fragmentation_percent=3, recompute_fragmentation_percent=9
    )
    plain, checkpointed = as_estimate(TRACED, device), as_estimate(TRACED, device, gradient_checkpointing=True)
    assert plain.source == "tracer"
    assert plain.phase == "backward"
    assert plain.total_bytes == sum(size for _, size in plain.terms) == 1000 + 50 + 7 + 30
    assert checkpointed.total_bytes == 1000 + 50 + 7 + 90
