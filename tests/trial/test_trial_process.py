"""The trial process from start to end: real training and generation of a tiny model, and every way it can end."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.core.params import Quantization
from harness.trial.events import Event, EventReader
from harness.trial.spec import ChildEnding, TrialResult, TrialSpec, read_suites
from harness.trial.trial_dir import TrialDir

Run = Callable[..., TrialDir]
Start = Callable[..., Any]


def result_of(folder: TrialDir) -> TrialResult:
    result = folder.read_result()
    assert result is not None, folder.log_file.read_text()[-3000:]
    return result


def wait_for(folder: TrialDir, wanted: Callable[[Event], bool], seconds: float = 90) -> None:
    reader, end = EventReader(folder.events_file), time.monotonic() + seconds
    while not any(wanted(event) for event in reader.new()):
        assert time.monotonic() < end, folder.log_file.read_text()[-3000:]
        time.sleep(0.02)


def test_a_trial_trains_saves_generates_and_reports(run: Run, spec: TrialSpec) -> None:
    folder = run(spec)
    result = result_of(folder)
    assert result.ending is ChildEnding.COMPLETED, result.reason
    metrics = result.metrics
    for name in ("train_loss", "eval_loss", "train_runtime_s", "train_tokens", "train_tokens_per_s", "generate_runtime_s"):
        assert metrics[name] > 0, name
    assert (metrics["steps"], metrics["total_steps"]) == (2, 2)
    assert metrics["peak_rss_bytes"] > 50e6
    assert 0 <= metrics["generate_latency_p50_s"] <= metrics["generate_latency_p95_s"]
    assert result.facts["dtype"] == "float32"
    assert result.facts["torch"]
    assert result.facts["prompt_template"] == "chat-function@1"
    assert (metrics["train_examples"], metrics["train_examples_dropped"], metrics["validation_examples"]) == (4, 0, 4)
    assert metrics["train_completion_tokens"] > 4 * 50

    weights = folder.adapter_dir / "adapter_model.safetensors"
    assert hashlib.sha256(weights.read_bytes()).hexdigest() == result.facts["adapter_sha256"]
    config = json.loads((folder.adapter_dir / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == "acme/tiny"
    assert (config["r"], config["lora_alpha"]) == (4, 8)
    prompt = json.loads((folder.adapter_dir / "prompt_template.json").read_text())
    assert (prompt["template"]["name"], prompt["digest"]) == ("chat-function", result.facts["prompt_template_digest"])

    suites = read_suites(folder.suites_file)
    assert [s.function_id for s in suites] == [f"t/{i}" for i in range(4)]
    assert all(s.raw.startswith("```python\nfrom solution import add_") for s in suites)
    assert metrics["truncated_suites"] == sum(s.truncated for s in suites)

    events = list(EventReader(folder.events_file).new())
    steps = [e for e in events if e.phase == "train"]
    assert [(e.step, e.total_steps) for e in steps] == [(0, 2), (1, 2), (2, 2)]
    assert steps[0].metrics == {}  # the first step begins
    assert {"loss", "learning_rate", "grad_norm", "tokens_per_s", "rss_bytes"} <= steps[1].metrics.keys()
    assert [e.step for e in events if e.phase == "generate"] == [0, 3, 4]


def test_the_module_is_a_command_that_keeps_its_log_clean(spec: TrialSpec, tmp_path: Path) -> None:
    folder = TrialDir(tmp_path / "command")
    folder.write_spec(replace(spec, train=None))
    argv = [sys.executable, "-m", "harness.trial", str(folder.path)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=150, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert result_of(folder).ending is ChildEnding.COMPLETED


def test_the_untuned_base_is_measured_one_shot_and_the_seed_fixes_samples(run: Run, spec: TrialSpec) -> None:
    sampled = replace(spec.generate, shots=1, example_files=(spec.generate.functions_file,), do_sample=True)
    base = replace(spec, train=None, generate=sampled)
    first, again = run(replace(base, name="first")), run(replace(base, name="again"))
    assert read_suites(first.suites_file) == read_suites(again.suites_file)
    assert "train_loss" not in result_of(first).metrics


def test_a_finished_adapter_writes_what_its_trial_wrote(run: Run, spec: TrialSpec) -> None:
    trained = run(spec)
    again = run(replace(spec, name="again", train=None, adapter=str(trained.adapter_dir)))
    assert result_of(again).ending is ChildEnding.COMPLETED
    assert read_suites(again.suites_file) == read_suites(trained.suites_file)


def test_training_goes_on_from_an_adapter_in_another_trial(
    run: Run, spec: TrialSpec, with_params: Callable[..., TrialSpec], tmp_path: Path
) -> None:
    first = run(spec)
    on = with_params(replace(spec, name="on"), learning_rate=1e-12, r=8)
    assert on.train is not None
    tokens = str(tmp_path / "tokens")
    on = replace(on, train=replace(on.train, start_adapter=str(first.adapter_dir), token_cache=tokens, packing=True))
    folder = run(on)
    result = result_of(folder)
    assert result.ending is ChildEnding.COMPLETED, result.reason
    assert result.metrics["train_sequences"] < result.metrics["train_examples"]
    assert json.loads((folder.adapter_dir / "adapter_config.json").read_text())["r"] == 4
    assert read_suites(folder.suites_file) == read_suites(first.suites_file)
    assert result.metrics["eval_loss"] == pytest.approx(result_of(first).metrics["eval_loss"], rel=1e-4)
    assert len([path for path in Path(tokens).iterdir() if path.is_dir()]) == 2  # the tokens and the packed rows


def test_a_template_with_an_example_trains_and_writes(run: Run, spec: TrialSpec, tmp_path: Path) -> None:
    words = {
        "name": "own",
        "version": "3",
        "style": "completion",
        "user": "{{ signature }}",
        "system": "Be brief.",
        "example": True,
    }
    assert spec.train is not None
    files = spec.train.train_files
    asked = replace(spec.generate, template=words, example_files=files)
    result = result_of(run(replace(spec, train=replace(spec.train, template=words), generate=asked)))
    assert (result.ending, result.facts["prompt_template"]) == (ChildEnding.COMPLETED, "own@3"), result.reason
    finished = replace(spec, name="finished", train=None, adapter=str(tmp_path / "t" / "adapter"))
    assert result_of(run(finished)).facts["prompt_template"] == "own@3"  # as it was trained, where nothing else is said
    lacking = result_of(run(replace(spec, name="lacking", train=None, generate=replace(asked, example_files=()))))
    assert "no worked example" in lacking.reason


@pytest.mark.parametrize("quantization", [Quantization.INT8, Quantization.NF4])
def test_a_quantized_base_is_trained_and_noted(
    run: Run, spec: TrialSpec, with_params: Callable[..., TrialSpec], quantization: Quantization
) -> None:
    result = result_of(run(with_params(spec, quantization=quantization, max_steps=1)))
    assert result.ending is ChildEnding.COMPLETED, result.reason
    assert result.facts["quantization"] == quantization.value


def test_a_diverging_loss_ends_the_trial(run: Run, spec: TrialSpec, with_params: Callable[..., TrialSpec]) -> None:
    folder = run(with_params(spec, learning_rate=1e30, max_steps=60, lr_scheduler_type="constant"))
    result = result_of(folder)
    assert result.ending is ChildEnding.DIVERGED, result.reason
    assert "nan" in result.reason
    assert max(event.step for event in EventReader(folder.events_file).new()) < 10
    assert not folder.suites_file.exists()


def test_training_stops_early_and_keeps_three_checkpoints(
    run: Run, spec: TrialSpec, with_params: Callable[..., TrialSpec]
) -> None:
    still = with_params(spec, learning_rate=1e-12, max_steps=40, gradient_checkpointing=True)
    assert still.train is not None
    folder = run(replace(still, train=replace(still.train, eval_steps=1, save_steps=1, early_stopping_patience=3)))
    result = result_of(folder)
    assert result.ending is ChildEnding.COMPLETED, result.reason
    assert 4 <= result.metrics["steps"] < 40
    assert len(list(folder.checkpoints_dir.glob("checkpoint-*"))) == 3
    assert {"train", "eval", "save", "generate"} <= {event.phase for event in EventReader(folder.events_file).new()}


def test_sigterm_saves_a_checkpoint_and_the_next_start_takes_it_up(
    start: Start, run: Run, spec: TrialSpec, with_params: Callable[..., TrialSpec]
) -> None:
    long = with_params(spec, max_steps=2000)
    assert long.train is not None
    long = replace(long, train=replace(long.train, save_steps=1000))
    process = start(long)
    folder = process.folder
    wait_for(folder, lambda event: event.phase == "train" and event.step >= 2)
    process.signal(signal.SIGTERM)
    assert process.wait() == 0
    assert result_of(folder).ending is ChildEnding.INTERRUPTED
    (checkpoint,) = folder.checkpoints_dir.glob("checkpoint-*")
    reached = int(checkpoint.name.rpartition("-")[2])
    assert 2 <= reached < 1000

    (folder.checkpoints_dir / "checkpoint-1500").mkdir()  # half written when a process was killed
    folder.events_file.unlink()
    again = run(with_params(long, max_steps=reached + 2))
    assert result_of(again).ending is ChildEnding.COMPLETED
    steps = [event.step for event in EventReader(again.events_file).new() if event.phase == "train"]
    assert steps == [reached, reached + 1, reached + 2]


def test_sigterm_while_generating_ends_at_once(start: Start, spec: TrialSpec) -> None:
    slow = replace(spec, train=None, generate=replace(spec.generate, max_new_tokens=500, batch_size=1))
    process = start(slow)
    folder = process.folder
    wait_for(folder, lambda event: event.phase == "generate")
    process.signal(signal.SIGTERM)
    assert process.wait() == 0
    assert result_of(folder).ending is ChildEnding.INTERRUPTED
    assert not folder.suites_file.exists()


# The limit is set once everything is loaded, so that it is training that runs into it.
LIMIT = """
import resource, harness.trial.bases as bases
load = bases.load_base
def limited(*args):
    base = load(*args)
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 60_000_000, resource.RLIM_INFINITY))
    return base
bases.load_base = limited
"""


def test_running_out_of_memory_is_told_apart(run: Run, spec: TrialSpec, with_params: Callable[..., TrialSpec]) -> None:
    big = with_params(spec, r=16384)
    result = result_of(run(big, preamble=LIMIT))
    assert result.ending is ChildEnding.OUT_OF_MEMORY, result.reason


@pytest.mark.parametrize("wrong", ["model", "length"])
def test_what_cannot_work_fails_with_its_last_line(
    run: Run, spec: TrialSpec, with_params: Callable[..., TrialSpec], wrong: str
) -> None:
    missing = replace(spec, model=replace(spec.model, path="/nowhere/model"))
    changes: dict[str, Any] = {"model": missing, "length": with_params(spec, max_length=20)}
    folder = run(changes[wrong])
    result = result_of(folder)
    assert result.ending is ChildEnding.FAILED
    assert ("no training example fits" if wrong == "length" else "/nowhere/model") in result.reason
    assert "Traceback" in folder.log_file.read_text()
