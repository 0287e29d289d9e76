"""A real trial with nothing downloaded: the tiny model of tests/conftest.py, and a few functions made here."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from forked_trials import ForkServer, Started

from harness.core.params import TrialParams
from harness.core.records import Record
from harness.trial.spec import GenerateSpec, ModelSpec, TrainSpec, TrialSpec
from harness.trial.trial_dir import TrialDir


def record(number: int) -> Record:
    name = f"add_{number}"
    tests = tuple(f"def test_{i}():\n    assert {name}({i}) == {i + number}\n" for i in range(3))
    return Record(f"t/{number}", name, f"def {name}(x):\n    return x + {number}\n", tests, None, "made here", "unknown")


@pytest.fixture(scope="session")
def functions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "functions.jsonl"
    path.write_text("".join(json.dumps(record(i).to_dict()) + "\n" for i in range(4)))
    return path


@pytest.fixture
def spec(tiny_model: Path, functions: Path) -> TrialSpec:
    """Two optimizer steps in fp32, then four short suites."""
    params = TrialParams(r=4, learning_rate=1e-3, warmup_ratio=0.0, per_device_train_batch_size=2, max_length=512, max_steps=2)
    train = TrainSpec(params, (str(functions),), str(functions), max_completion_tokens=300)
    generate = GenerateSpec(str(functions), max_new_tokens=8, batch_size=3)
    return TrialSpec("t", 7, ModelSpec(str(tiny_model), "acme/tiny", dtype="float32"), generate, train, threads=1)


@pytest.fixture
def with_params() -> Callable[..., TrialSpec]:
    """`with_params(spec, r=8)`: the spec with other hyper-parameters."""

    def changed(spec: TrialSpec, **params: Any) -> TrialSpec:
        assert spec.train is not None
        return replace(spec, train=replace(spec.train, params=replace(spec.train.params, **params)))

    return changed


@pytest.fixture(scope="session")
def fork_server() -> Iterator[ForkServer]:
    server = ForkServer()
    yield server
    server.close()


@pytest.fixture
def start(fork_server: ForkServer, tmp_path: Path) -> Iterator[Callable[..., Started]]:
    """Start a trial process on a spec; `preamble` is run in it before `main`."""
    running: list[Started] = []

    def started(spec: TrialSpec, preamble: str = "") -> Started:
        folder = TrialDir(tmp_path / spec.name)
        folder.write_spec(spec)
        running.append(Started(fork_server, folder, preamble))
        return running[-1]

    yield started
    for process in running:
        process.end()


@pytest.fixture
def run(start: Callable[..., Started]) -> Callable[..., TrialDir]:
    """Run a trial process to its end; its exit code must be 0."""

    def ran(spec: TrialSpec, preamble: str = "") -> TrialDir:
        process = start(spec, preamble)
        assert process.wait() == 0, process.folder.log_file.read_text()[-3000:]
        return process.folder

    return ran
