"""A training in several processes is the training in one: same losses, same adapter."""

from __future__ import annotations

import json
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from safetensors import safe_open

from harness.core.params import TrialParams
from harness.core.records import Record
from harness.trial.events import Event, EventReader
from harness.trial.spec import ChildEnding, TrainSpec, TrialResult, TrialSpec
from harness.trial.trial_dir import TrialDir

Run = Callable[..., TrialDir]


@pytest.fixture(scope="module")
def uneven(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eleven functions, no two of the same length."""
    path = tmp_path_factory.mktemp("data") / "uneven.jsonl"
    path.write_text("".join(json.dumps(_record(i).to_dict()) + "\n" for i in range(11)))
    return path


def _record(number: int) -> Record:
    name = f"add_{'x' * number}"
    tests = tuple(f"def test_{i}():\n    assert {name}({i}) == {i + number}\n" for i in range(1 + number % 3))
    return Record(f"u/{number}", name, f"def {name}(x):\n    return x + {number}\n", tests, None, "made here", "unknown")


@pytest.fixture
def trained(spec: TrialSpec, uneven: Path) -> Callable[..., TrialSpec]:
    """`trained(r=8, train={"eval_steps": 2})`: three epochs of three steps, with dropout and accumulated gradients."""

    def made(train: dict[str, Any] | None = None, **params: Any) -> TrialSpec:
        small = {"r": 4, "learning_rate": 5e-3, "per_device_train_batch_size": 2, "max_length": 512}
        asked = TrialParams(**{**small, "lora_dropout": 0.2, "gradient_accumulation_steps": 2, "num_train_epochs": 3.0, **params})
        own = TrainSpec(asked, (str(uneven),), str(uneven), max_completion_tokens=300)
        return replace(spec, train=replace(own, **(train or {})))

    return made


def until(spec: TrialSpec, share: float, name: str = "paused") -> TrialSpec:
    assert spec.train is not None
    return replace(spec, name=name, train=replace(spec.train, until=share))


def result_of(folder: TrialDir) -> TrialResult:
    result = folder.read_result()
    assert result is not None, folder.log_file.read_text()[-3000:]
    assert result.ending is ChildEnding.COMPLETED, result.reason
    return result


def logged(folder: TrialDir, phase: str = "train") -> list[tuple[int, float, float, float]]:
    events = [event for event in EventReader(folder.events_file).new() if event.phase == phase and event.metrics]
    return [(e.step, *(e.metrics.get(name, 0.0) for name in ("loss", "learning_rate", "grad_norm"))) for e in events]


CASES: dict[str, dict[str, Any]] = {
    "by length": {},
    "seldom logged": {"train": {"logging_steps": 4}},
    "packed": {"train": {"packing": True, "save_steps": 1}, "per_device_train_batch_size": 1, "max_steps": 9},
    "evaluated": {"train": {"eval_steps": 2, "early_stopping_patience": 3, "save_steps": 2}, "learning_rate": 1e-12},
}


@pytest.mark.parametrize("case", CASES)
def test_three_processes_train_what_one_does(run: Run, trained: Callable[..., TrialSpec], case: str) -> None:
    whole = trained(**CASES[case])
    straight = run(replace(whole, name="straight"))
    expected = result_of(straight)
    total = expected.metrics["total_steps"]
    assert total == 9
    reached = []
    for share in (0.4, 0.55, 1.0):
        folder = run(until(whole, share))
        found = result_of(folder)
        reached.append(found.metrics["steps"])
        kept = [path.name for path in folder.checkpoints_dir.glob("rung-*")]
        assert kept == [f"rung-{reached[-1]:.0f}"]
    assert reached == [4, 5, expected.metrics["steps"]]
    assert logged(folder) == logged(straight)
    assert found.facts["adapter_sha256"] == expected.facts["adapter_sha256"]
    for name in ("train_loss", "eval_loss", "train_tokens", "total_steps", "steps"):
        assert found.metrics[name] == expected.metrics[name], name
    assert folder.suites_file.read_bytes() == straight.suites_file.read_bytes()
    assert found.metrics["train_runtime_s"] > 0
    folder.remove_checkpoints()
    folder.remove_checkpoints()
    assert not folder.checkpoints_dir.exists()


def test_patience_that_ends_before_the_pause_ends_the_training(run: Run, trained: Callable[..., TrialSpec]) -> None:
    whole = trained({"eval_steps": 1, "early_stopping_patience": 2}, learning_rate=1e-12)
    straight = result_of(run(replace(whole, name="straight")))
    assert straight.metrics["steps"] == 3
    for share in (0.5, 1.0):
        folder = run(until(whole, share))
        assert result_of(folder).metrics["steps"] == 3
    assert [step for step, *_ in logged(folder)] == [1, 2, 3]  # the second process trained nothing
    assert result_of(folder).facts["adapter_sha256"] == straight.facts["adapter_sha256"]


def test_a_rung_that_was_reached_is_only_generated_from(run: Run, trained: Callable[..., TrialSpec]) -> None:
    first = run(until(trained(), 0.4))
    expected = result_of(first)
    (kept,) = first.checkpoints_dir.glob("rung-*")
    tensors = [name for file in kept.glob("*.safetensors") for name in safe_open(file, "pt").keys()]  # noqa: SIM118 - not a mapping
    assert tensors
    assert all("lora_" in name for name in tensors)
    own = sum(file.stat().st_size for file in kept.iterdir() if file.name not in {"tokenizer.json", "optimizer.pt"})
    assert own < 400_000  # of the base nothing
    for file in (first.adapter_dir / "adapter_model.safetensors", first.suites_file, first.result_file):
        file.unlink()
    again = result_of(run(until(trained(), 0.4)))
    assert len(logged(first)) == 4
    assert again.facts["adapter_sha256"] == expected.facts["adapter_sha256"]
    same = {"train_loss", "eval_loss", "train_tokens", "steps"}
    assert {name: again.metrics[name] for name in same} == {name: expected.metrics[name] for name in same}
    assert again.metrics["train_runtime_s"] == pytest.approx(expected.metrics["train_runtime_s"], rel=0.5)


def test_a_segment_killed_midway_goes_on_from_its_last_checkpoint_or_the_rung_before(
    run: Run, start: Callable[..., Any], trained: Callable[..., TrialSpec]
) -> None:
    whole = trained({"save_steps": 1}, max_steps=60)
    straight = run(replace(whole, name="straight"))
    run(until(whole, 0.05))
    process = start(until(whole, 1.0))
    folder: TrialDir = process.folder
    wait_for(folder, lambda event: event.phase == "train" and event.step >= 12)
    process.signal(signal.SIGKILL)
    process.wait()
    found = sorted(path.name for path in folder.checkpoints_dir.glob("*-*"))
    assert "rung-3" in found
    assert len(found) >= 3  # those that rotate stand beside it
    trained_before = len(logged(folder))
    if trained_before % 2:  # half of the time without them
        for path in folder.checkpoints_dir.glob("checkpoint-*"):
            shutil.rmtree(path)
    run(until(whole, 1.0))
    assert {step: rest for step, *rest in logged(folder)} == {step: rest for step, *rest in logged(straight)}
    assert result_of(folder).facts["adapter_sha256"] == result_of(straight).facts["adapter_sha256"]


def wait_for(folder: TrialDir, wanted: Callable[[Event], bool]) -> None:
    reader, end = EventReader(folder.events_file), time.monotonic() + 90
    while not any(wanted(event) for event in reader.new()):
        assert time.monotonic() < end, folder.log_file.read_text()[-3000:]
        time.sleep(0.02)


def test_the_guard_compares_with_the_start_of_the_training_not_of_the_process(
    run: Run, trained: Callable[..., TrialSpec]
) -> None:
    whole = trained(learning_rate=1e-12, lr_scheduler_type="constant", warmup_ratio=0.0)
    folder = run(until(whole, 0.5))
    (kept,) = folder.checkpoints_dir.glob("rung-*")
    state = json.loads((kept / "trainer_state.json").read_text())
    noted = state["stateful_callbacks"]["PauseCallback"]["attributes"]
    assert len(noted["first_losses"]) == 3
    noted["first_losses"] = [loss / 10 for loss in noted["first_losses"]]
    (kept / "trainer_state.json").write_text(json.dumps(state))
    result = run(until(whole, 1.0)).read_result()
    assert result is not None
    assert (result.ending, result.metrics.get("steps")) == (ChildEnding.DIVERGED, None)
    assert "above 3 times its start" in result.reason


def test_nf4_goes_on_learning_after_a_validation_loss(run: Run, trained: Callable[..., TrialSpec]) -> None:
    """Where bitsandbytes repacks weights for evaluation, the steps behind one trained the top of the model alone."""
    plain = trained(lora_dropout=0.0, quantization="nf4", num_train_epochs=1.0)
    plain = replace(plain, model=replace(plain.model, quantization="nf4"))
    assert plain.train is not None
    evaluated = replace(plain, name="evaluated", train=replace(plain.train, eval_steps=1))
    assert logged(run(evaluated)) == logged(run(plain))
