"""What is remembered between steps, and what a step makes of the sweep file; no process is started."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file
from sweep_shapes import sweep_config

from harness.config.sweep_config import SweepConfig
from harness.core.errors import ExitCode, HarnessError
from harness.core.steps import BatchSeen, Pinned, Step, StepResult, StepsState
from harness.files.adapter_files import WEIGHTS_FILE
from harness.sweep.paths import Paths
from harness.sweep.steps_adapter import checked_adapter, read_adapter
from harness.sweep.steps_settings import step_config
from harness.sweep.steps_standing import next_batch, standing, start_of
from harness.sweep.steps_state import StepsFolder
from harness.tracking.registry import adapter_sha256

RESULT = StepResult(1, "adapter", "ab", {"learning_rate": 1e-3, "target_modules": "all-linear"}, {"pass_rate": 0.5})
STEP = Step(0, "x-step-000", "m", 3, 3, "scratch", 1.0, {"model": "a"}, RESULT)
STATE = StepsState(
    "x", Pinned({"validation": "d"}, {"validation": 3}, "o"), (BatchSeen("batch_000", {"a": "1"}),), (STEP,), "run"
)


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    folder = tmp_path / "adapter"
    folder.mkdir()
    save_file({"lora_A": np.ones((8, 4), np.float32)}, folder / WEIGHTS_FILE)
    config = {"r": 8, "lora_alpha": 32, "target_modules": ["v_proj", "q_proj"], "use_rslora": True, "lora_dropout": 0.05}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    return folder


def of_steps(tmp_path: Path, **data: Any) -> SweepConfig:
    batches = {"batches": str(tmp_path / "batches"), **data}
    return sweep_config(data=batches, tracking={"folder": str(tmp_path / "mlruns")}, study={"name": "x"})


def test_what_is_remembered_is_read_back(tmp_path: Path) -> None:
    folder = StepsFolder(tmp_path / "steps" / "x")
    assert folder.read() is None
    for state in (STATE, replace(STATE, steps=(replace(STEP, result=None),), tracking_run=None)):
        folder.write(state)
        assert folder.read() == state
    assert [path.name for path in folder.path.iterdir()] == ["state.json"]


@pytest.mark.parametrize("text", ["", '{"format": "harness-steps/1"', '{"format": "harness-steps/9"}', "[]"])
def test_a_damaged_memory_is_refused(tmp_path: Path, text: str) -> None:
    folder = StepsFolder(tmp_path)
    folder.state_file.write_text(text)
    with pytest.raises(HarnessError) as caught:
        folder.read()
    assert caught.value.code is ExitCode.CONFLICT
    assert str(folder.state_file) in caught.value.what


def test_another_format_is_named(tmp_path: Path) -> None:
    folder = StepsFolder(tmp_path)
    folder.write(STATE)
    folder.state_file.write_text(folder.state_file.read_text().replace("harness-steps/1", "harness-steps/2"))
    with pytest.raises(HarnessError) as caught:
        folder.read()
    assert "harness-steps/2" in caught.value.why


def test_a_second_sweep_waits_its_turn(tmp_path: Path) -> None:
    folder = StepsFolder(tmp_path / "x")
    with folder.locked(), pytest.raises(HarnessError, match="under way already") as caught:
        folder.locked()
    assert caught.value.code is ExitCode.CONFLICT
    folder.locked().release()


def test_the_shape_of_an_adapter_is_read_from_its_config(adapter: Path) -> None:
    shape = {"r": 8, "lora_alpha": 32, "target_modules": ["q_proj", "v_proj"], "use_rslora": True, "lora_dropout": 0.05}
    assert checked_adapter(adapter, replace(RESULT, adapter_sha256=adapter_sha256(adapter))) == shape


def test_another_adapter_in_its_place_is_a_conflict(adapter: Path) -> None:
    with pytest.raises(HarnessError) as caught:
        checked_adapter(adapter, RESULT)
    assert caught.value.code is ExitCode.CONFLICT


def damage(adapter: Path, how: str) -> None:
    weights, config = adapter / WEIGHTS_FILE, adapter / "adapter_config.json"
    if how == "gone":
        weights.unlink()
    elif how == "cut":
        weights.write_bytes(weights.read_bytes()[:-20])
    elif how == "header":
        weights.write_bytes(struct.pack("<Q", 1 << 40) + b"{}")
    elif how == "no config":
        config.unlink()
    elif how == "half a config":
        config.write_text('{"r": 8, ')
    else:
        config.write_text('{"lora_alpha": 8}')


@pytest.mark.parametrize("how", ["gone", "cut", "header", "no config", "half a config", "no rank"])
def test_a_damaged_adapter_is_refused(adapter: Path, how: str) -> None:
    damage(adapter, how)
    with pytest.raises(HarnessError) as caught:
        read_adapter(adapter)
    assert caught.value.code is ExitCode.STORAGE
    assert "start_from: scratch" in caught.value.fix


def test_the_file_of_the_first_step_differs_in_the_studys_name_alone() -> None:
    config = sweep_config(data={"batches": "b"})
    made, notes, rate = step_config(config, "x-step-000", None, None)
    assert made == config.model_copy(update={"study": config.study.model_copy(update={"name": "x-step-000"})})
    assert (notes, rate) == ((), 1.0)


def test_the_file_of_a_later_step_is_valid_and_starts_from_the_adapter(adapter: Path) -> None:
    config = sweep_config(
        data={"batches": "b"},
        space={
            "r": {"low": 4, "high": 64},
            "learning_rate": {"low": 5e-4, "high": 4e-3, "log": True},
            "target_modules": {"choices": ["all-linear", "q_proj,v_proj"]},
            "quantization": {"choices": ["none", "nf4"]},
        },
        training={"learning_rate": 2e-3, "lora_alpha": 64},
        study={"enqueue": [{"r": 8, "quantization": "nf4"}, {"target_modules": "q_proj,v_proj"}]},
    )
    before = replace(STEP, result=replace(RESULT, settings={"learning_rate": 1.7e-3}))
    made, notes, rate = step_config(config, "x-step-001", before, (adapter, read_adapter(adapter)))
    assert list(made.space.axes()) == ["learning_rate", "quantization"]
    params = made.base_params()
    assert (params.r, params.scaling_alpha, params.use_rslora, params.lora_dropout) == (8, 32, True, 0.05)
    assert params.target_modules == ("q_proj", "v_proj")
    assert made.default_proposal()["learning_rate"] == 1.7e-3 / 2
    assert made.study.enqueue == ({"quantization": "nf4"},)
    assert (rate, len(notes)) == (0.5, 2)


def test_a_person_is_told_which_batch_is_expected(tmp_path: Path) -> None:
    config = of_steps(tmp_path)
    (tmp_path / "batches").mkdir()
    file = tmp_path / "batches" / "batch_000.jsonl"
    file.write_text("{}\n")
    at = standing(config, "stem")
    assert (at.number, at.before) == (0, None)
    seen = (at.batches[0].seen(),)
    StepsFolder.of(Paths.of(config), "x").write(replace(STATE, batches=seen))
    with pytest.raises(HarnessError) as caught:
        next_batch(standing(config, "stem"))
    assert "batch_001 is expected" in caught.value.what
    assert caught.value.code is ExitCode.BAD_INPUT
    (tmp_path / "batches" / "batch_001").mkdir()
    (tmp_path / "batches" / "batch_001" / "a.jsonl").write_text("{}\n")
    assert next_batch(standing(config, "stem")).name == "batch_001"
    file.write_text("{ }\n")
    with pytest.raises(HarnessError) as caught:
        standing(config, "stem")
    assert caught.value.code is ExitCode.CONFLICT


def test_from_scratch_no_adapter_is_looked_for_and_another_model_is_refused(tmp_path: Path, adapter: Path) -> None:
    config = of_steps(tmp_path)
    (tmp_path / "batches").mkdir()
    (tmp_path / "batches" / "batch_000.jsonl").write_text("{}\n")
    at = standing(config, "stem")
    with pytest.raises(HarnessError, match="another base model"):
        start_of(config, replace(at, state=STATE, number=1))
    assert start_of(of_steps(tmp_path, start_from="scratch"), replace(at, state=STATE, number=1)) is None
    assert start_of(config, at) is None
